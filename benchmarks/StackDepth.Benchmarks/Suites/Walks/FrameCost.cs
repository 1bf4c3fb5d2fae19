using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>What a stack costs by each walk, in C.</summary>
internal static class FrameCost
{
    private const int Batches = 41;
    private const int Calls = 200;
    private const int DeepCalls = 20;
    private const int Shallow = 20;
    private const int Deep = 1_000;
    private static readonly int[] Depths = [5, 20, 60, 120];
    private static readonly StackWalk?[] All = [null, StackWalk.Kernel, StackWalk.FramePointer, StackWalk.Auto, StackWalk.Unwind];

    /// <summary>With frame pointers.</summary>
    internal static void PrintKept(TextWriter text, SharedFolder folder)
    {
        text.WriteLine("### With frame pointers");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit of `max(len(ustack))` from run_time_ns / run_cnt, medians of {Batches} batches of {Calls} calls; the ratio is to bpftrace's. All sides are attached at once, each to a");
        text.WriteLine("process of its own, and batches go round among them. The last column is what each answers at depth 120, and what it says of all its stacks.");
        text.WriteLine();
        Print("walks-fp", "C, as usual: libc below `main` has no frame pointers");
        Print("walks-bare", "C without libc: frame pointers to the end, which the rows of `_start` prove");

        void Print(string program, string title)
        {
            var binary = WalkPrograms.Install(folder, program);
            using var bench = new WalkBench(All, binary, Target.Leaf, binary);
            var costs = Array.ConvertAll(Depths, depth => bench.Measure($"d {depth} {Calls}", Batches, Calls));
            var answers = bench.End();
            var table = new Table([title, .. Depths.Select(static depth => $"depth {depth}"), "answer"]);
            var side = 0;
            foreach (var name in bench.Names)
            {
                table.Add([name, .. costs.Select(cost => side == 0 ? Number(cost[0]) : $"{Number(cost[side])} ({Number(cost[side] / cost[0], 2)})"), answers[side]]);
                side++;
            }
            text.WriteLine(table);
            text.WriteLine($"Goal, at most 1/10 of bpftrace's at every depth: FramePointer {Verdict(Tenth(2))}, Auto {Verdict(Tenth(3))}.");
            text.WriteLine();

            bool Tenth(int own) => costs.All(cost => cost[own] <= cost[0] / 10);
        }
    }

    /// <summary>Without frame pointers, deep.</summary>
    internal static void PrintOmitted(TextWriter text, SharedFolder folder)
    {
        StackWalk?[] walks = [null, StackWalk.Unwind, StackWalk.Auto];
        var binary = WalkPrograms.Install(folder, "walks-nofp");
        using var bench = new WalkBench(walks, binary, Target.Leaf, binary);
        text.WriteLine("### Without frame pointers");
        text.WriteLine();
        text.WriteLine($"Medians of {Batches} batches; a frame's cost is that of {Number(Deep)} frames less that of {Shallow}, by {Number(Deep - Shallow)}. \"In turn\" are 1,024 functions that call each other, so");
        text.WriteLine("that nearly each frame has an address of its own; \"itself\" is one that calls itself.");
        text.WriteLine();
        var table = new Table("ns", "itself, depth 20", "itself, 1,000", "a frame", "in turn, depth 20", "in turn, 1,000", "a frame", "answer");
        var itself = (Shallow: bench.Measure($"d {Shallow} {Calls}", Batches, Calls), Deep: bench.Measure($"d {Deep} {DeepCalls}", Batches, DeepCalls));
        var inTurn = (Shallow: bench.Measure($"s {Shallow} {Calls}", Batches, Calls), Deep: bench.Measure($"s {Deep} {DeepCalls}", Batches, DeepCalls));
        var answers = bench.End();
        foreach (var (name, side) in bench.Names.Select(static (name, side) => (name, side)))
        {
            var own = side > 0;
            table.Add(
                name, Number(itself.Shallow[side]), Number(itself.Deep[side]), own ? Number(Frame(itself.Shallow[side], itself.Deep[side]), 1) : "", Number(inTurn.Shallow[side]),
                Number(inTurn.Deep[side]), own ? Number(Frame(inTurn.Shallow[side], inTurn.Deep[side]), 1) : "", answers[side]);
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, Unwind at most 60 ns a frame warm at depth 1,000: {Number(itself.Deep[1] / Deep, 1)} ns with all that a hit costs: {Verdict(itself.Deep[1] / Deep <= 60)}; in turn {Number(inTurn.Deep[1] / Deep, 1)} ns: {Verdict(inTurn.Deep[1] / Deep <= 60)}.");
        text.WriteLine();

        static double Frame(double shallow, double deep) => (deep - shallow) / (Deep - Shallow);
    }
}
