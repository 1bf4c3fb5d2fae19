using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>Where a walk has nothing to go by from the hit before: a new process, mappings that have changed, another process's turn.</summary>
internal static class AroundWalks
{
    private const int Processes = 15;
    private const int Batches = 41;
    private const int Calls = 100;
    private const int Depth = 20;
    private static readonly StackWalk?[] All = [null, StackWalk.Kernel, StackWalk.FramePointer, StackWalk.Auto, StackWalk.Unwind];

    internal static void Print(TextWriter text, SharedFolder folder)
    {
        text.WriteLine("### Where the mappings are not known");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit at depth {Depth} of the program with frame pointers, all processes probed: over and over in one process; after each time that the process has mapped and");
        text.WriteLine($"unmapped a page; each time in the other of two processes; and the first hit in each of {Processes} new processes, whose tables are loaded. Medians; each walk attached in turn.");
        text.WriteLine();
        var table = new Table("", "steady", "mappings change", "two processes", "first hit");
        var binary = WalkPrograms.Install(folder, "walks-fp");
        using var one = new LineTarget(binary);
        using var other = new LineTarget(binary);
        one.Ask($"d {Depth} 1");
        other.Ask($"d {Depth} 1");
        foreach (var walk in All)
        {
            using var probe = DepthProbe.Attach(walk, binary, Target.Leaf, processId: null, () => one.Ask($"d {Depth} 1"));
            List<double> steady = [], changing = [], twoProcesses = [], first = [];
            for (var batch = 0; batch < Batches; batch++)
            {
                steady.Add(Cost(Calls, () => one.Ask($"d {Depth} {Calls}")));
                changing.Add(Cost(Calls, () => one.Ask($"m {Depth} {Calls}")));
                twoProcesses.Add(Cost(20, () =>
                {
                    for (var turn = 0; turn < 10; turn++)
                    {
                        one.Ask($"d {Depth} 1");
                        other.Ask($"d {Depth} 1");
                    }
                }));
            }
            for (var count = 0; count < Processes; count++)
            {
                using var fresh = new LineTarget(binary);
                first.Add(Cost(1, () => fresh.Ask($"d {Depth} 1")));
            }
            table.Add(probe.Name, Number(steady.Median()), Number(changing.Median()), Number(twoProcesses.Median()), Number(first.Median()));

            double Cost(int hits, Action act)
            {
                var before = probe.Program.Counters;
                act();
                var after = probe.Program.Counters;
                var runs = after.Runs - before.Runs;
                return runs == (ulong)hits ? (double)(after.Nanoseconds - before.Nanoseconds) / runs : throw new InvalidOperationException($"{probe.Name}: {runs} runs of the program, not {hits}.");
            }
        }
        text.WriteLine(table);
        text.WriteLine("Between two processes, and at a first hit, the CPU's own caches hold other things: that is in bpftrace's figures too.");
        text.WriteLine();
    }
}
