using System.Diagnostics;
using StackDepth.Benchmarks.Support;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Runtime;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>Attach and detach of many functions of a big library, and the first look at its symbols.</summary>
internal static class AttachAndDetach
{
    private const int Rounds = 15;
    private const int FreshRuns = 11;

    internal static Section Run()
    {
        using var target = TargetResolver.Resolve("python3", "*", new ResolveOptions());
        var all = target.Sites.Length;
        var kernel = KernelProfile.Detect(SystemCalls.Real);
        var query = Probe.UProbe("python3", "*").Select(static s => s.UStack.Length).Max().Query;
        var compiled = ProbeCompiler.Compile(query, QueryPlanner.Target(new ProcessScope.AllBut(Environment.ProcessId), new AttachOptions { Walk = StackWalk.Kernel }, kernel));

        var text = new StringWriter();
        text.WriteLine($"{Path.GetFileName(target.Path)}, found as `python3`: {Number(all)} functions. Milliseconds, medians of {Rounds} rounds. Attach is program load and link of sites");
        text.WriteLine("resolved before; detach is the link and the program. \"In use\" means that an idle Python has the library mapped, whose code must then be written too.");
        text.WriteLine();
        var table = new Table("", "attach", "detach");
        var met = true;
        foreach (var inUse in new[] { false, true })
        {
            using var python = inUse ? StartPython() : null;
            foreach (var count in new[] { 1, 100, all })
            {
                var (attach, detach) = Measure(count);
                table.Add($"{Number(count)} function{(count == 1 ? "" : "s")}{(inUse ? ", in use" : "")}", Number(attach, 2), Number(detach, 2));
                met &= inUse || (attach <= 20 && detach <= 100);
            }
            python?.StandardInput.Close();
            python?.WaitForExit();
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, attach within 20 ms and detach within 100 ms, before anyone has the library mapped: {Verdict(met)}.");
        text.WriteLine();

        var fresh = Enumerable.Range(0, FreshRuns).Select(static _ => FreshProcess.Measure("python3")).ToArray();
        var first = fresh.Select(static run => run.Resolve).Median();
        text.WriteLine($"Resolving all of the library's functions the first time in a new process (JIT, no warm-up), median of {FreshRuns}: {Number(first, 1)} ms. Goal, within 60 ms: {Verdict(first <= 60)}.");
        text.WriteLine();
        text.WriteLine(PerfEventDetach.Measure());
        return new("Attach and detach", text.ToString());

        (double Attach, double Detach) Measure(int count)
        {
            // Spread over the library, as a glob's matches are.
            var sites = Enumerable.Range(0, count).Select(index => target.Sites[(int)((long)index * all / count)].Offset);
            var request = new UprobeRequest(target.AttachPath, [.. sites], [.. Enumerable.Range(0, count).Select(static index => (ulong)index)], 0, IsReturn: false);
            List<double> attach = [], detach = [];
            for (var round = -1; round < Rounds; round++)
            {
                using var maps = KernelMaps.Create(compiled.Maps, SystemCalls.Real);
                var begin = Stopwatch.GetTimestamp();
                var uprobe = UprobeAttacher.Attach(compiled.Program, maps.ByName, request, kernel, SystemCalls.Real);
                var attached = Stopwatch.GetTimestamp();
                uprobe.Dispose();
                var detached = Stopwatch.GetTimestamp();
                if (round < 0)
                    continue;
                attach.Add(Stopwatch.GetElapsedTime(begin, attached).TotalMilliseconds);
                detach.Add(Stopwatch.GetElapsedTime(attached, detached).TotalMilliseconds);
            }
            return (attach.Median(), detach.Median());
        }
    }

    private static Process StartPython()
    {
        var python = Commands.Start(["python3", "-c", "print('ready', flush=True); import sys; sys.stdin.read()"]);
        return python.StandardOutput.ReadLine() == "ready" ? python : throw new InvalidOperationException("python3 did not start.");
    }
}
