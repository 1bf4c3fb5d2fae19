using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>Debian's Python, which has no frame pointers: bpftrace's walk ends at once, and its answer is wrong.</summary>
internal static class PythonCost
{
    private const int Batches = 41;
    private static readonly StackWalk?[] All = [null, StackWalk.Kernel, StackWalk.Auto, StackWalk.Unwind];

    internal static void Print(TextWriter text)
    {
        text.WriteLine("### Debian's python3.11");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit, medians of {Batches} batches, and the ratio to bpftrace's, whose answer is wrong: this Python has no frame pointers. `format()` is called below a");
        text.WriteLine("`functools.reduce()`; \"warm\" again and again, \"evicted\" after each time that 4 MiB of other memory were read. \"Varied\" is `PyTuple_*` in work with json, re, sorted, compile and reduce.");
        text.WriteLine();
        var script = Path.Combine(Document.RepositoryRoot, "benchmarks", "native", "walks.py");
        using var shared = new SharedFile(WalkPrograms.Python);
        double[] warm, evicted, varied;
        string[] names, answers, variedAnswers;
        using (var bench = new WalkBench(All, WalkPrograms.Python, "PyObject_Format", WalkPrograms.Python, script))
        {
            warm = bench.Measure("d 0 200", Batches, 200);
            evicted = bench.Measure("e 0 25", Batches, 25);
            names = [.. bench.Names];
            answers = bench.End();
        }
        using (var bench = new WalkBench(All, WalkPrograms.Python, "PyTuple_*", WalkPrograms.Python, script))
        {
            varied = bench.Measure("v 0 3", Batches);
            variedAnswers = bench.End();
        }

        var table = new Table("", "warm", "evicted", "answer", "varied", "answer");
        for (var side = 0; side < names.Length; side++)
            table.Add(names[side], Cell(warm, side), Cell(evicted, side), answers[side], Cell(varied, side), variedAnswers[side]);
        text.WriteLine(table);
        text.WriteLine($"Goal, at depth 20 no dearer than bpftrace's wrong answer: Auto warm {Verdict(warm[2] <= warm[0])}, evicted {Verdict(evicted[2] <= evicted[0])}, varied {Verdict(varied[2] <= varied[0])}; "
            + $"Unwind warm {Verdict(warm[3] <= warm[0])}, evicted {Verdict(evicted[3] <= evicted[0])}, varied {Verdict(varied[3] <= varied[0])}.");
        text.WriteLine();

        static string Cell(double[] costs, int side) => side == 0 ? Number(costs[0]) : $"{Number(costs[side])} ({Number(costs[side] / costs[0], 2)})";
    }
}
