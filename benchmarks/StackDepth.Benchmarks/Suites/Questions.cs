using System.Collections.Immutable;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What the questions about a stack cost at a hit that are no walk of it.</summary>
internal static class Questions
{
    private const int Batches = 41;
    private const int Calls = 400;
    private const int Shallow = 20;
    private const int Deep = 5_000;
    private const int Frames = 1_000;
    private const double CountOfGoal = 3;
    private const double BytesGoal = 250;
    private const double RecursionGoal = 350;
    private const string Function = "probed";

    internal static Section Run()
    {
        using var text = new StringWriter();
        using var statistics = KernelStatistics.Enable(SystemCalls.Real);
        CountOf(text);
        Bytes(text);
        Recursion(text);
        Kept(text);
        return new("Questions", text.ToString());
    }

    private static void CountOf(TextWriter text)
    {
        text.WriteLine("### Frames by function");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit at {Number(Frames)} frames, all of the function that is counted: of `max(Length)`, and of `max(CountOf)` by the same walk. What one frame costs more is the difference by their number.");
        text.WriteLine();
        var table = new Table("", "Length", "CountOf", "a frame more", "with two sets", "a frame and set more");
        var met = true;
        foreach (var (program, walk) in new[] { ("recursion-plain", StackWalk.Auto), ("recursion-fp", StackWalk.Unwind), ("recursion-nofp", StackWalk.Auto) })
        {
            using var length = new Measured<int?>(program, source => source.Select(s => s.UStack.By(walk).Length).Max());
            using var one = new Measured<int?>(program, source => source.Select(s => s.UStack.By(walk).CountOf(Function)).Max());
            using var two = new Measured<int?>(
                program, source => source.Where(s => s.UStack.By(walk).CountOf("main") == 1).Select(s => s.UStack.By(walk).CountOf(Function)).Max());
            var (without, with, both) = (At(length), At(one), At(two));
            table.Add($"{program}, {walk}", Number(without), Number(with), Number((with - without) / Frames, 2), Number(both), Number((both - without) / Frames / 2, 2));
            met &= with - without <= CountOfGoal * Frames;
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, CountOf at most {Number(CountOfGoal)} ns a frame more than the walk: {Verdict(met)}.");
        text.WriteLine();

        static double At(Measured<int?> measured) => measured.Difference($"d {Frames} {Calls}", Frames + Calls, $"d {Frames} 0", Frames);
    }

    private static void Bytes(TextWriter text)
    {
        text.WriteLine("### Bytes of a stack");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit from run_time_ns / run_cnt, medians of {Batches} batches of {Shallow + Calls} hits in one process, probed by ForProcess.");
        text.WriteLine();
        var table = new Table("", "ns");
        var most = Cost("recursion-fp", static source => source.Select(static s => s.UStack.Bytes).Max());
        table.Add("max(UStack.Bytes)", Number(most));
        table.Add("min(UStack.BytesFree)", Number(Cost("recursion-fp", static source => source.Select(static s => s.UStack.BytesFree).Min())));
        text.WriteLine(table);
        text.WriteLine($"Goal, Bytes at most {Number(BytesGoal)} ns: {Verdict(most <= BytesGoal)}.");
        text.WriteLine();

        static double Cost<T>(string program, Func<ProbeSource<EntryContext>, ProbeQuery<T>> query)
        {
            using var measured = new Measured<T>(program, query);
            return measured.PerHit($"d {Shallow} {Calls}", Shallow + Calls);
        }
    }

    private static void Recursion(TextWriter text)
    {
        text.WriteLine("### Recursion");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit of `max(Recursion)`: at {Shallow} live activations and at {Number(Deep)}, of the {Calls} calls that the last one makes; and on the way down to {Number(Deep)}, on average. \"By way of");
        text.WriteLine("another\" means that the function never calls itself: what proves that the last activation is live leads over a frame more.");
        text.WriteLine();
        var table = new Table("", $"at {Shallow}", $"at {Number(Deep)}", $"down to {Number(Deep)}");
        var met = true;
        foreach (var (program, what) in new[] { ("recursion-fp", "with frame pointers"), ("recursion-nofp", "without") })
        {
            using var measured = new Measured<int?>(program, static source => source.Select(static s => s.Recursion).Max());
            var itself = Row('d', $"itself, {what}");
            var another = Row('h', $"by way of another, {what}");
            met &= itself <= RecursionGoal && another <= RecursionGoal;

            double Row(char mode, string name)
            {
                var deep = At(mode, Deep);
                table.Add(name, Number(At(mode, Shallow)), Number(deep), Number(measured.PerHit($"{mode} {Deep} 0", Deep)));
                return deep;
            }

            // The calls at the depth: all hits less those on the way there.
            double At(char mode, int depth) => measured.Difference($"{mode} {depth} {Calls}", depth + Calls, $"{mode} {depth} 0", depth);
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, Recursion at most {Number(RecursionGoal)} ns at {Number(Deep)} activations: {Verdict(met)}.");
        text.WriteLine();
    }

    private static void Kept(TextWriter text)
    {
        text.WriteLine("### Kept hits");
        text.WriteLine();
        text.WriteLine($"Nanoseconds per hit at {Shallow} frames of hits that are no record: of `max(Length)`, `MaxBy(Length)` and `TopK(20, Length)`. And of hits that are all kept (`MaxBy(Timestamp)`, no other walk) at");
        text.WriteLine($"{Shallow} and at {Number(Frames)} frames, and what one frame costs of it.");
        text.WriteLine();
        var table = new Table("", "max", "MaxBy", "TopK(20)", $"each kept, {Shallow} frames", $"{Number(Frames)} frames", "a frame");
        foreach (var (program, walk) in new[] { ("recursion-plain", StackWalk.Auto), ("recursion-fp", StackWalk.Unwind), ("recursion-nofp", StackWalk.Auto) })
        {
            using var maximum = new Measured<int?>(program, source => source.Select(s => s.UStack.By(walk).Length).Max());
            using var deepest = new Measured<RecordHolder<int>?>(program, source => source.MaxBy(s => s.UStack.By(walk).Length));
            using var top = new Measured<ImmutableArray<RecordHolder<int>>>(program, source => source.TopK(20, s => s.UStack.By(walk).Length));
            using var each = new Measured<RecordHolder<long>?>(program, source => source.MaxBy(s => s.Timestamp));
            var (few, many) = (At(each, Shallow), At(each, Frames));
            table.Add($"{program}, {walk}", Number(At(maximum, Shallow)), Number(At(deepest, Shallow)), Number(At(top, Shallow)), Number(few), Number(many), Number((many - few) / (Frames - Shallow), 1));
        }
        text.WriteLine(table);

        static double At<T>(Measured<T> measured, int depth) => measured.Difference($"d {depth} {Calls}", depth + Calls, $"d {depth} 0", depth);
    }

    /// <summary>A process under one query.</summary>
    private sealed class Measured<T> : IDisposable
    {
        private readonly LineTarget _target;
        private readonly ProbeSession<T> _session;
        private readonly OpenProgram _program;

        internal Measured(string program, Func<ProbeSource<EntryContext>, ProbeQuery<T>> query)
        {
            var binary = Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts", "native", program);
            _target = new(binary);
            _target.Ask($"d {Shallow} 1");
            var before = KernelObjects.UprobePrograms(Environment.ProcessId);
            _session = query(Probe.UProbe(binary, Function).ForProcess(_target.ProcessId)).AttachAsync().AsTask().GetAwaiter().GetResult();
            _program = KernelObjects.UprobeProgram(Environment.ProcessId, before);
        }

        internal double PerHit(string line, int hits) => Values(() => Nanoseconds(line, hits) / (double)hits).Median();

        internal double Difference(string more, int moreHits, string less, int lessHits) =>
            Values(() => (Nanoseconds(more, moreHits) - Nanoseconds(less, lessHits)) / (double)(moreHits - lessHits)).Median();

        public void Dispose()
        {
            _program.Dispose();
            _session.Dispose();
            _target.Dispose();
        }

        private static List<double> Values(Func<double> measure)
        {
            measure();
            measure();
            return [.. Enumerable.Range(0, Batches).Select(_ => measure())];
        }

        private long Nanoseconds(string line, int hits)
        {
            var before = _program.Counters;
            _target.Ask(line);
            var after = _program.Counters;
            return after.Runs - before.Runs == (ulong)hits
                ? (long)(after.Nanoseconds - before.Nanoseconds)
                : throw new InvalidOperationException($"{after.Runs - before.Runs} runs of the program for '{line}', not {hits}.");
        }
    }
}
