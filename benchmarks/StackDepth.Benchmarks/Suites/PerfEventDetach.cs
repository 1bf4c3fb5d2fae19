using System.Diagnostics;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Asm;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>Attach and detach where the kernel has no uprobe_multi.</summary>
internal static class PerfEventDetach
{
    private const int Rounds = 3;

    internal static string Measure()
    {
        using var target = TargetResolver.Resolve(Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts", "native", "functions.so"), "function*", new ResolveOptions());
        var kernel = KernelProfile.Detect(SystemCalls.Real) with { Switches = new FeatureSwitches(KernelFeatures.UprobeMulti) };
        var table = new Table("by perf events", "attach", "detach");
        foreach (var (name, asksCookie, count) in new[] { ("one event for all", false, target.Sites.Length), ("one event for all", false, 20), ("an event for each", true, 20) })
        {
            var request = new UprobeRequest(target.AttachPath, [.. target.Sites.Take(count).Select(static site => site.Offset)], [], 0, IsReturn: false);
            List<double> attach = [], detach = [];
            for (var round = 0; round < Rounds; round++)
            {
                var begin = Stopwatch.GetTimestamp();
                var probe = UprobeAttacher.Attach(Program(asksCookie), new Dictionary<string, BpfMap>(), request, kernel, SystemCalls.Real);
                var attached = Stopwatch.GetTimestamp();
                probe.Dispose();
                detach.Add(Stopwatch.GetElapsedTime(attached).TotalMilliseconds);
                attach.Add(Stopwatch.GetElapsedTime(begin, attached).TotalMilliseconds);
            }
            table.Add($"{Number(count)} functions, {name}", Number(attach.Median(), 1), Number(detach.Median(), 1));
        }
        return $"Without uprobe_multi, on a library of {Number(target.Sites.Length)} functions of our own; milliseconds, medians of {Rounds} rounds. Each event takes its own wait to detach, and the kernel\n"
            + $"lets no two wait together; one event for all takes a program that does not ask which function was hit, and tracefs.\n\n{table}";
    }

    private static ProgramSpec Program(bool asksCookie)
    {
        var code = new Assembler();
        if (asksCookie)
            code.Call(HelperId.GetAttachCookie);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "nothing", Type = ProgramType.Kprobe, Instructions = code.Assemble().Instructions };
    }
}
