using StackDepth.Benchmarks.Support;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>Twelve questions that people ask, as a line of bpftrace and as a query, for the same process: the instructions that the kernel keeps of each program, and what a hit costs in it.</summary>
internal static class TypicalQueries
{
    private const int Rounds = 7;
    private const int BatchesPerRound = 12;
    private const int CallsPerBatch = 2_000;
    private const int Depth = 20;
    private static readonly AttachOptions KernelWalk = new() { Walk = StackWalk.Kernel };

    private sealed record Question(string Text, string Script, Func<ProbeSource<EntryContext>, AttachOptions, ProbeSession> Attach);

    private sealed class Cost
    {
        internal List<double> Nanoseconds { get; } = [];

        internal int Instructions { get; set; }
    }

    private static readonly Question[] s_questions =
    [
        new("Count()", "@ = count();", static (probe, options) => Attach(probe.Count(), options)),
        new("Select(length).Max()", "@ = max(len(ustack));", static (probe, options) => Attach(probe.Select(static s => s.UStack.Length).Max(), options)),
        new("Select(length).Histogram()", "@ = hist(len(ustack));", static (probe, options) => Attach(probe.Select(static s => s.UStack.Length).Histogram(), options)),
        new("Select(length).LinearHistogram(0, 130, 10)", "@ = lhist(len(ustack), 0, 130, 10);", static (probe, options) => Attach(probe.Select(static s => s.UStack.Length).LinearHistogram(0, 130, 10), options)),
        new("Select(length).Stats()", "@ = stats(len(ustack));", static (probe, options) => Attach(probe.Select(static s => s.UStack.Length).Stats(), options)),
        new("Where(comm == ...).Count()", "if (comm == \"target\") { @ = count(); }", static (probe, options) => Attach(probe.Where(static s => s.Comm == "target").Count(), options)),
        new("Where(arg > 10).Select(arg).Sum()", "if (arg0 > 10) { @ = sum(arg0); }", static (probe, options) => Attach(probe.Where(static s => s.Arg(0) > 10).Select(static s => s.Arg(0)).Sum(), options)),
        new("Select(arg).Last()", "@ = arg0;", static (probe, options) => Attach(probe.Select(static s => s.Arg(0)).Last(), options)),
        new("GroupBy(comm).Count()", "@[comm] = count();", static (probe, options) => Attach(probe.GroupBy(static s => s.Comm).Count(), options)),
        new("GroupBy(tid).Max(length)", "@[tid] = max(len(ustack));", static (probe, options) => Attach(probe.GroupBy(static s => s.Tid).Max(static s => s.UStack.Length), options)),
        new("GroupBy(stack).Count()", "@[ustack] = count();", static (probe, options) => Attach(probe.GroupBy(static s => s.UStack).Count(), options)),
        new("Select(tid, length), a stream", "printf(\"%d %d\\n\", tid, len(ustack));", static (probe, options) => probe.Select(static s => (s.Tid, s.UStack.Length)).AttachAsync(options).AsTask().GetAwaiter().GetResult()),
    ];

    internal static Section Run()
    {
        using var statistics = KernelStatistics.Enable(SystemCalls.Real);
        using var folder = SharedFolder.Create();
        var costs = s_questions.ToDictionary(static question => question, static _ => (Theirs: new Cost(), Ours: new Cost(), Own: new Cost()));
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var question in s_questions)
            {
                var (theirs, ours, own) = costs[question];
                UnderPeer(folder, question, theirs);
                UnderUs(folder, question, KernelWalk, ours);
                UnderUs(folder, question, new(), own);
            }
            Console.Error.WriteLine($"   round {round + 1} of {Rounds}");
        }
        var table = new Table("query", "instructions, bpftrace", "StackDepth", "ns, bpftrace", "StackDepth", "ratio", "by Auto, ns", "goal");
        foreach (var question in s_questions)
        {
            var (theirs, ours, own) = costs[question];
            var (their, our) = (theirs.Nanoseconds.Median(), ours.Nanoseconds.Median());
            table.Add(
                question.Text, Number(theirs.Instructions), Number(ours.Instructions), Number(their), Number(our), Number(our / their, 2), Number(own.Nanoseconds.Median()),
                Verdict(ours.Instructions <= theirs.Instructions && our <= their));
        }
        return new("Typical queries", $"""
            The same questions about one process: `uprobe:target:leaf` with the action in braces by bpftrace (`-c`), and the query by `ForProcess`. Stacks have {Depth} frames and frame pointers, and both sides take the kernel's walk; `by
            Auto` is the query with the default walk. Instructions are those that the kernel keeps of the program, after its own rewriting (xlated_prog_len). Nanoseconds per hit are run_time_ns / run_cnt: medians of
            {Rounds} alternating rounds of {BatchesPerRound} batches of {Number(CallsPerBatch)} hits. The goal is no more of either.

            {table}
            """);
    }

    private static void UnderPeer(SharedFolder folder, Question question, Cost cost)
    {
        using var target = new Target(folder);
        using var peer = Commands.Start(Peer.Command($"uprobe:{target.Binary}:{Target.Leaf} {{ {question.Script} }}", target.CommandLine));
        peer.BeginOutputReadLine();
        Measure(target, peer.Id, cost);
        peer.WaitForExit();
    }

    private static void UnderUs(SharedFolder folder, Question question, AttachOptions options, Cost cost)
    {
        using var target = new Target(folder);
        using var process = Commands.Start([target.Binary, .. target.Arguments]);
        target.Call(Depth, 1);
        using var session = question.Attach(Probe.UProbe(target.Binary, Target.Leaf).ForProcess(process.Id), options);
        Measure(target, Environment.ProcessId, cost);
        process.WaitForExit();
    }

    private static void Measure(Target target, int holder, Cost cost)
    {
        target.Call(Depth, CallsPerBatch);
        using var program = KernelObjects.UprobeProgram(holder);
        cost.Instructions = program.Instructions;
        for (var batch = 0; batch < BatchesPerRound; batch++)
        {
            var before = program.Counters;
            target.Call(Depth, CallsPerBatch);
            var after = program.Counters;
            if (after.Runs - before.Runs != CallsPerBatch)
                throw new InvalidOperationException($"{after.Runs - before.Runs} runs of the program for {CallsPerBatch} calls.");
            cost.Nanoseconds.Add((double)(after.Nanoseconds - before.Nanoseconds) / CallsPerBatch);
        }
        target.End();
    }

    private static ProbeSession<T> Attach<T>(ProbeQuery<T> query, AttachOptions options) => query.AttachAsync(options).AsTask().GetAwaiter().GetResult();
}
