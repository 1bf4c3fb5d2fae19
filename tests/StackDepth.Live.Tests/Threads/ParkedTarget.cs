using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Threads;

/// <summary>A thread of the target, as the target tells of it.</summary>
internal sealed record ParkedThread(int Tid, string Kind, int Depth);

/// <summary>A running Targets/Walks/parked.c, whose threads all wait where they are to wait.</summary>
internal sealed class ParkedTarget : IDisposable
{
    internal const string FramePointers = "fp";
    internal const string NoFramePointers = "nofp";

    /// <summary>System calls by number (asm/unistd_64.h), as /proc/PID/task/TID/syscall shows them; the second one is what a call that was interrupted goes on as.</summary>
    private static readonly Dictionary<string, string[]> s_calls = new()
    {
        ["futex"] = ["202"],
        ["read"] = ["0"],
        ["nanosleep"] = ["230", "35", "219"],
        ["poll"] = ["7", "219"],
        ["epoll"] = ["232", "281"],
        ["signal"] = ["0"],
        ["alternate"] = ["0"],
        ["nested"] = ["0"],
        ["hijacked"] = ["0"],
        ["wide"] = ["0"],
    };

    private readonly Process _process;

    private ParkedTarget(Process process, ParkedThread[] threads) => (_process, Threads) = (process, threads);

    internal int Pid => _process.Id;

    internal ParkedThread[] Threads { get; }

    internal static string Program(string flavour) => flavour == FramePointers
        ? Builds.C("parked-fp", "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-pthread", "parked.c")
        : Builds.C("parked-nofp", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-pthread", "parked.c");

    internal static Task<ParkedTarget> Start(string flavour, params string[] threads) => Start(flavour, [], threads);

    internal static async Task<ParkedTarget> Start(string flavour, string[] launcher, params string[] threads)
    {
        Requires.Bpf();
        string[] line = [.. launcher, Program(flavour), .. threads];
        var process = Process.Start(new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true })!;
        try
        {
            var said = new List<ParkedThread>();
            // The first thread always says something, unless it exits.
            var expected = threads.Count(static thread => thread is not ("zombie" or "main:exit:0") && !thread.StartsWith("main:", StringComparison.Ordinal)) + (threads.Contains("main:exit:0") ? 0 : 1);
            while (said.Count < expected)
            {
                var words = (await Eventually.Done(process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()) ?? throw new InvalidOperationException("The target ended.")).Split(' ');
                said.Add(new(Number(words[0]), words[1], Number(words[2])));
            }
            if (launcher.Length == 0)
            {
                foreach (var thread in said.Where(static thread => s_calls.ContainsKey(thread.Kind)))
                    await Eventually.True(() => s_calls[thread.Kind].Contains(SystemCall(process.Id, thread.Tid)[0]), $"{thread} waits");
            }
            return new(process, [.. said]);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>The words of /proc/PID/task/TID/syscall: the call's number, its arguments, the stack pointer, the instruction pointer; or "running".</summary>
    internal static string[] SystemCall(int pid, int tid) => File.ReadAllText($"/proc/{pid}/task/{tid}/syscall").Split(' ');

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
