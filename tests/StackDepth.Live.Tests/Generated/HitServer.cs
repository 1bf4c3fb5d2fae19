using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A thread of the target.</summary>
/// <param name="Tid">Its id.</param>
/// <param name="Cpu">The CPU that it is bound to.</param>
/// <param name="Chained">The frames to which it has itself followed its frame pointers, at a hit without recursion; the probed function is the first.</param>
internal sealed record HitThread(int Tid, int Cpu, int Chained);

/// <summary>A process of Targets/hits.c that waits for hits to make.</summary>
internal sealed class HitServer : IDisposable
{
    private const string UnifiedHierarchy = "0::";

    private readonly Process _process;

    internal HitServer()
    {
        _process = Process.Start(new ProcessStartInfo(Program, Cpus().Select(static cpu => cpu.ToString(CultureInfo.InvariantCulture))) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var words = Answer().Select(static line => line.Split(' ')).ToArray();
        Pid = Numbers(words, "process")[0][0] is var pid ? (int)pid : 0;
        Threads = [.. Numbers(words, "thread").Select(static thread => new HitThread((int)thread[0], (int)thread[1], (int)thread[3]))];
        Texts = [.. Numbers(words, "text").Select(static text => text[0])];
        var folder = File.ReadLines($"/proc/{Pid}/cgroup").Single(static line => line.StartsWith(UnifiedHierarchy, StringComparison.Ordinal))[UnifiedHierarchy.Length..];
        var mount = File.ReadLines("/proc/self/mounts").Select(static line => line.Split(' ')).First(static words => words[2] == "cgroup2")[1];
        CgroupId = FileStatus.Of(mount + folder)!.Value.Inode;
    }

    /// <summary>The functions that are probed; a hit has the number of one of them.</summary>
    internal static string[] Functions { get; } = ["hit_push", "hit_bare", "hit_nop"];

    /// <summary>Built with frame pointers.</summary>
    internal static string Program => CTarget.Of(
        "hits.c", "hits", ["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fno-optimize-sibling-calls", "-pthread", "-fno-omit-frame-pointer", "-DFRAME_POINTERS"]);

    internal int Pid { get; }

    internal HitThread[] Threads { get; }

    /// <summary>The addresses of the texts in the target, in their order there.</summary>
    internal long[] Texts { get; }

    internal ulong CgroupId { get; }

    /// <summary>Makes a hit; answers when it is over.</summary>
    internal void Play(PlannedHit hit)
    {
        _process.StandardInput.Write(hit.LineFor(this) + "\nend\n");
        _process.StandardInput.Flush();
        Answer();
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.Dispose();
    }

    /// <summary>The threads are spread over the CPUs that this process may use.</summary>
    private static IEnumerable<int> Cpus()
    {
        var cpus = Enumerable.Range(0, 64).Where(static cpu => (Process.GetCurrentProcess().ProcessorAffinity >> cpu & 1) != 0).ToArray();
        return Enumerable.Range(0, 3).Select(thread => cpus[thread % cpus.Length]);
    }

    private static long[][] Numbers(string[][] words, string kind) =>
        [.. words.Where(line => line[0] == kind).Select(static line => line[1..].Select(static word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray())];

    private List<string> Answer()
    {
        List<string> lines = [];
        while (_process.StandardOutput.ReadLine() is var line && line != "ok")
            lines.Add(line ?? throw new InvalidOperationException("The target ended."));
        return lines;
    }
}
