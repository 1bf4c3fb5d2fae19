using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A thread of the target, and the frames that it has itself found at a hit without recursion.</summary>
/// <param name="Tid">Its id.</param>
/// <param name="Cpu">The CPU that it is bound to.</param>
/// <param name="Frames">All of them, by the unwinder of the compiler's library; the probed function is the first.</param>
/// <param name="Chained">Those to which a chain of frame pointers leads; 0 where there are none.</param>
internal sealed record HitThread(int Tid, int Cpu, int Frames, int Chained);

/// <summary>Who a process of the target is, as it says.</summary>
internal sealed record HitProcess(int Pid, HitThread[] Threads)
{
    internal static HitProcess Parse(IEnumerable<string> lines)
    {
        var words = lines.Select(static line => line.Split(' ')).ToArray();
        return new(
            Number(words.Single(static line => line[0] == "process")[1]),
            [.. words.Where(static line => line[0] == "thread").Select(static line => new HitThread(Number(line[1]), Number(line[2]), Number(line[3]), Number(line[4])))]);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}

/// <summary>A process of Targets/hits.c that waits for hits to make.</summary>
internal sealed class HitServer : IDisposable
{
    private readonly Process _process;

    internal HitServer(string program)
    {
        _process = Process.Start(new ProcessStartInfo(program, Arguments("-", "-")) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Self = HitProcess.Parse(Answer());
    }

    internal static string[] Functions { get; } = ["hit_push", "hit_bare", "hit_nop"];

    internal HitProcess Self { get; }

    /// <summary>The program's arguments: the threads are spread over the CPUs that this process may use.</summary>
    internal static string[] Arguments(string input, string output)
    {
        var cpus = Enumerable.Range(0, 64).Where(static cpu => (Process.GetCurrentProcess().ProcessorAffinity >> cpu & 1) != 0).ToArray();
        return [.. Enumerable.Range(0, 3).Select(thread => cpus[thread % cpus.Length].ToString(CultureInfo.InvariantCulture)), input, output];
    }

    /// <summary>Makes the hits, one after the other; answers when the last one is over.</summary>
    internal void Play(IEnumerable<PlannedHit> hits)
    {
        foreach (var hit in hits)
            _process.StandardInput.Write(hit.Line + "\n");
        _process.StandardInput.Write("end\n");
        _process.StandardInput.Flush();
        Answer();
    }

    /// <summary>Builds the program: with frame pointers, or without.</summary>
    internal static string Program(bool framePointers, string name) => CTarget.Of(
        "hits.c", name, ["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fno-optimize-sibling-calls", "-pthread", .. framePointers ? (string[])["-fno-omit-frame-pointer", "-DFRAME_POINTERS"] : ["-fomit-frame-pointer"]]);

    private List<string> Answer()
    {
        List<string> lines = [];
        while (_process.StandardOutput.ReadLine() is var line && line != "ok")
            lines.Add(line ?? throw new InvalidOperationException("The target ended."));
        return lines;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.Dispose();
    }
}
