using System.Globalization;

namespace StackDepth.Benchmarks.Support;

/// <summary>A Python process whose threads sleep at a depth; the first one reads lines until there are no more.</summary>
internal static class Sleepers
{
    private const string ClockNanosleep = "230 ";

    private const string Script = """
        import functools, sys, threading, time
        def down(left):
            return functools.reduce(lambda a, b: down(left - 1), (1, 2)) if left else time.sleep(86400)
        sys.setrecursionlimit(10000)
        threading.stack_size(64 << 20)
        for _ in range(int(sys.argv[1])):
            threading.Thread(target=down, args=(int(sys.argv[2]),), daemon=True).start()
        for line in sys.stdin:
            pass
        """;

    internal static string[] Command(int threads, int depth) =>
        ["python3", "-c", Script, threads.ToString(CultureInfo.InvariantCulture), depth.ToString(CultureInfo.InvariantCulture)];

    /// <summary>Waits until all are asleep.</summary>
    internal static void Wait(int processId, int threads)
    {
        while (true)
        {
            var tasks = Directory.GetDirectories($"/proc/{processId}/task");
            if (tasks.Count(static task => File.ReadAllText(task + "/syscall").StartsWith(ClockNanosleep, StringComparison.Ordinal)) == threads)
                return;
            Thread.Sleep(100);
        }
    }
}
