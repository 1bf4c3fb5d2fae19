using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Compile;

/// <summary>
/// uprobe_multi runs programs with migration off but preemption on, so a hit can interrupt another one's program on its CPU at any instruction, and share its per-CPU values and
/// scratch. These tests prove the claim behind the atomics: whatever the interleaving, counts, sums, extremes, histograms, groups and slots are exact, or what is lost is counted.
/// </summary>
public sealed class PreemptionTests
{
    private const int RandomRounds = 1_500;

    private static readonly IrQuery Summary = GoldenQueries.Source.Select(s => s.UStack.Length).Summary().Query;
    private static readonly IrQuery GroupedSummary = GoldenQueries.Source.GroupBy(s => s.Tid).Summary(s => s.UStack.Length).Query;
    private static readonly IrQuery LiveMaximum = GoldenQueries.Source.Select(s => s.UStack.Length).Extremum(maximum: true).Query;
    private static readonly IrQuery LiveMinimum = GoldenQueries.Source.Select(s => s.UStack.Length).Extremum(maximum: false).Query;
    private static readonly IrQuery Deepest = GoldenQueries.Source.MaxBy(s => s.UStack.Length).Query;
    private static readonly IrQuery Top = GoldenQueries.Source.TopK(3, s => s.UStack.Length).Query;
    private static readonly IrQuery Stream = GoldenQueries.Source.Where(s => s.UStack.Length > 2).Select(s => (s.Tid, s.UStack.Length, s.KStack.Length)).Query;

    [Fact]
    public void A_hit_that_interrupts_another_at_any_instruction_changes_nothing()
    {
        foreach (var query in (IrQuery[])[Summary, GroupedSummary, LiveMaximum, LiveMinimum, Stream, Deepest, Top])
        {
            foreach (var (first, second) in ((int, int)[])[(5, 9), (9, 5), (7, 7), (-2, 6), (6, -2), (127, 1)])
            {
                var compiled = ProbeCompiler.Compile(query, GoldenQueries.Target);
                var length = Length(query, first);
                for (var at = 0; at <= length; at++)
                {
                    var run = new CompiledRun(compiled);
                    Hit[] hits = [Deep(1, first), Deep(2, second)];
                    var preemption = new Preemption(run, hits);
                    for (var step = 0; step < at; step++)
                        preemption.Step(0);
                    preemption.Finish(1);
                    preemption.Finish(0);
                    run.AssertAtRest();
                    AssertExact(run, hits);
                }
            }
        }
    }

    [Fact]
    public void Two_hits_that_interrupt_each_other_at_any_two_instructions_change_nothing()
    {
        foreach (var query in (IrQuery[])[Summary, GroupedSummary, LiveMaximum, Deepest])
        {
            var compiled = ProbeCompiler.Compile(query, GoldenQueries.Target);
            var (first, second) = (Length(query, 5), Length(query, 9));
            for (var at = 0; at < first; at++)
            {
                for (var and = 0; and < second; and++)
                {
                    var run = new CompiledRun(compiled);
                    Hit[] hits = [Deep(1, 5), Deep(1, 9)];
                    var preemption = new Preemption(run, hits);
                    for (var step = 0; step < at; step++)
                        preemption.Step(0);
                    for (var step = 0; step < and && !preemption.Ended(1); step++)
                        preemption.Step(1);
                    preemption.Finish(0);
                    preemption.Finish(1);
                    AssertExact(run, hits);
                }
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Hits_that_interrupt_each_other_at_random_are_exact_or_counted_as_lost(int programs)
    {
        var busy = 0L;
        for (var round = 0; round < RandomRounds; round++)
        {
            var random = new Random((programs * RandomRounds) + round);
            var query = (round % 7) switch { 0 => Summary, 1 => GroupedSummary, 2 => LiveMaximum, 3 => LiveMinimum, 4 => Deepest, 5 => Top, _ => Stream };
            var run = new CompiledRun(query, GoldenQueries.Target);
            Hit[] hits = [.. Enumerable.Range(0, programs).Select(_ => Deep(random.Next(1, 3), random.Next(20) == 0 ? -14 : random.Next(1, 128)))];
            try
            {
                new Preemption(run, hits).RunRandomly(random, switchOdds: random.Next(1, 40));
                AssertExact(run, hits);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Round {round}: {error.Message}\n{run.Listing}", error);
            }
            busy += run.Counter(HealthCounter.Busy);
        }
        Assert.True(programs > Preemption.Slots == busy > 0, $"{busy} hits of {programs} at once found no slot of {Preemption.Slots}");
    }

    [Fact]
    public void The_fifth_hit_at_once_is_counted_as_busy_and_touches_no_slot()
    {
        var run = new CompiledRun(Summary, GoldenQueries.Target);
        Hit[] hits = [.. Enumerable.Range(1, 5).Select(depth => Deep(1, depth))];
        var preemption = new Preemption(run, hits);
        var captured = Length(Summary, 5) - 2;
        var claimed = run.Machine[MapNames.Scratch].First().Bytes;
        for (var program = 0; program < Preemption.Slots; program++)
        {
            while (byte.PopCount(claimed[0]) == program)
                preemption.Step(program);
        }
        preemption.Finish(4);

        Assert.Equal(1, run.Counter(HealthCounter.Busy));
        Assert.Equal(0, run.Total().Count);
        for (var program = 0; program < Preemption.Slots; program++)
            preemption.Finish(program);
        Assert.Equal((4, 5, 1), (run.Total().Count, run.Counter(HealthCounter.Hits), run.Counter(HealthCounter.Busy)));
        run.AssertAtRest();
    }

    [Fact]
    public void A_value_that_loses_every_race_for_the_maximum_is_counted_as_dropped()
    {
        var run = new CompiledRun(LiveMaximum, GoldenQueries.Target);
        var program = run.Start(Deep(1, 100));
        var best = run.Machine[MapNames.Best].First().Bytes;
        for (var rival = 1UL; !program.Ended; program.Step())
        {
            // Right before each exchange someone else raises the best value, but never beyond this one.
            if (IsExchange(program.Next))
                BinaryPrimitives.WriteUInt64LittleEndian(best, rival++);
        }

        Assert.Equal((1, 1), (run.Counter(HealthCounter.Dropped), run.Counter(HealthCounter.Hits)));
        Assert.Empty(run.Machine.Ring!.Records);
        run.AssertAtRest();
    }

    [Fact]
    public void A_value_that_is_overtaken_in_its_last_race_is_no_loss()
    {
        var run = new CompiledRun(LiveMaximum, GoldenQueries.Target);
        var program = run.Start(Deep(1, 100));
        var best = run.Machine[MapNames.Best].First().Bytes;
        var races = 0;
        for (; !program.Ended; program.Step())
        {
            if (IsExchange(program.Next))
                BinaryPrimitives.WriteUInt64LittleEndian(best, ++races < 4 ? (ulong)races : AggregateLayout.EncodeMaximum(101));
        }

        Assert.Equal(4, races);
        Assert.Equal(0, run.Counter(HealthCounter.Dropped));
        Assert.Empty(run.Machine.Ring!.Records);
    }

    [Theory]
    [InlineData("take", 3)]
    [InlineData("sample", 2)]
    [InlineData("throttle", 1)]
    [InlineData("distinct", 2)]
    public void Controls_let_exactly_so_many_hits_pass_however_they_interrupt_each_other(string control, int expected)
    {
        var tids = GoldenQueries.Source.Select(s => s.Tid);
        var stream = control switch
        {
            "take" => tids.Take(3),
            "sample" => tids.Sample(3),
            "throttle" => tids.Throttle(TimeSpan.FromSeconds(1)),
            _ => tids.Distinct(),
        };
        for (var round = 0; round < RandomRounds; round++)
        {
            var random = new Random(round);
            var run = new CompiledRun(stream.Query, GoldenQueries.Target);
            Hit[] hits = [.. Enumerable.Range(0, 5).Select(hit => Deep(1 + (hit % 2), 5) with { Timestamp = 1_000 + hit })];
            new Preemption(run, hits).RunRandomly(random, switchOdds: random.Next(1, 30));

            Assert.Equal((5, expected), (run.Counter(HealthCounter.Hits), run.Machine.Ring!.Records.Count));
            Assert.Equal((0, 0), (run.Counter(HealthCounter.KeysLost), run.Counter(HealthCounter.Dropped)));
            if (control == "distinct")
                Assert.Equal([1, 2], run.Machine.Ring.Records.Select(static record => BinaryPrimitives.ReadInt64LittleEndian(record.Bytes)).Order());
        }
    }

    [Fact]
    public void The_last_value_is_of_a_hit_that_ended_after_the_latest_one_began()
    {
        var query = GoldenQueries.Source.Select(s => s.UStack.Length).Last().Query;
        var compiled = ProbeCompiler.Compile(query, GoldenQueries.Target);
        var length = Length(query, 5);
        for (var at = 0; at <= length; at++)
        {
            var run = new CompiledRun(compiled);
            var preemption = new Preemption(run, [Deep(1, 5) with { Timestamp = 100 }, Deep(2, 9) with { Timestamp = 200 }, Deep(3, 20) with { Timestamp = 50 }]);
            preemption.Finish(2);
            for (var step = 0; step < at && !preemption.Ended(0); step++)
                preemption.Step(0);
            preemption.Finish(1);
            preemption.Finish(0);

            Assert.True(run.Total().Last is 5 or 9, $"{run.Total().Last} after {at} steps");
        }
    }

    [Fact]
    public void Quantiles_and_linear_histograms_lose_no_value_to_preemption()
    {
        var depth = GoldenQueries.Source.Select(s => s.UStack.Length);
        for (var round = 0; round < RandomRounds; round++)
        {
            var random = new Random(round);
            var run = new CompiledRun(round % 2 == 0 ? depth.Quantile(0.5).Query : depth.LinearHistogram(0, 100, 7).Query, GoldenQueries.Target);
            Hit[] hits = [.. Enumerable.Range(0, 4).Select(_ => Deep(1, random.Next(1, 128)))];
            new Preemption(run, hits).RunRandomly(random, switchOdds: random.Next(1, 30));

            Assert.Equal(4, run.Total().ToHistogram().Count);
            if (round % 2 == 0)
                Assert.Equal(hits.Select(static hit => hit.UserStack / 8).Order().ElementAt(1), run.Total().Quantile(0.5));
        }
    }

    private static bool IsExchange(Instruction instruction) => Opcode.Class(instruction.Code) == Opcode.BPF_STX && Opcode.Mode(instruction.Code) == Opcode.BPF_ATOMIC && instruction.Immediate == Opcode.BPF_CMPXCHG;

    private static Hit Deep(int tid, int frames) => new() { Tid = tid, UserStack = frames < 0 ? frames : frames * 8L, KernelStack = 24 };

    /// <summary>How many instructions a hit that nobody interrupts runs.</summary>
    private static int Length(IrQuery query, int frames)
    {
        var run = new CompiledRun(query, GoldenQueries.Target);
        var program = run.Start(Deep(1, frames));
        while (!program.Ended)
            program.Step();
        return program.Steps;
    }

    private static void AssertExact(CompiledRun run, Hit[] hits)
    {
        var walked = hits.Where(static hit => hit.UserStack > 0).Select(static hit => (hit.Tid, Depth: hit.UserStack / 8)).ToArray();
        var (busy, dropped, errors) = (run.Counter(HealthCounter.Busy), run.Counter(HealthCounter.Dropped), run.Counter(HealthCounter.StackErrors));
        Assert.True(errors <= hits.Length - walked.Length);
        Assert.True(busy == 0 || hits.Length > Preemption.Slots);
        // A raise is tried 4 times, and each failure is another hit's success.
        Assert.True(dropped == 0 || hits.Length > 4);
        switch (run.Compiled.Ir.Statements[^1])
        {
            case Deliver { Sink: IrEmit }:
                Assert.Equal(run.Counter(HealthCounter.Hits), run.Machine.Ring!.Records.Count);
                Assert.Equal(hits.Length, run.Counter(HealthCounter.Broken) + run.Counter(HealthCounter.Truncated) + errors + busy);
                AssertRecords(run, walked, busy);
                break;
            case Deliver { Sink: IrEmitExtremum extremum }:
                AssertLive(run, extremum.Maximum, walked, exact: busy + dropped == 0);
                break;
            case Deliver { Sink: IrAggregate { Kept: { } keep } }:
                AssertKept(run, keep, walked, exact: busy + dropped == 0);
                break;
            default:
                AssertGroups(run, hits, walked, busy, dropped);
                break;
        }
    }

    private static void AssertRecords(CompiledRun run, (int Tid, long Depth)[] walked, long busy)
    {
        var records = run.Machine.Ring!.Records.Select(static record => ((int)BinaryPrimitives.ReadInt64LittleEndian(record.Bytes), BinaryPrimitives.ReadInt64LittleEndian(record.Bytes.AsSpan(8)))).ToList();
        var expected = walked.Where(static hit => hit.Depth > 2).ToList();
        Assert.True(records.Count <= expected.Count && records.Count + busy >= expected.Count);
        Assert.All(records, record => Assert.True(expected.Remove(record)));
    }

    private static void AssertLive(CompiledRun run, bool maximum, (int Tid, long Depth)[] walked, bool exact)
    {
        var values = run.Machine.Ring!.Records.Select(static record => BinaryPrimitives.ReadInt64LittleEndian(record.Bytes)).ToArray();
        var depths = walked.Select(static hit => hit.Depth).ToArray();
        Assert.Equal(values.Length, values.Distinct().Count());
        Assert.All(values, value => Assert.Contains(value, depths));
        if (exact && depths.Length > 0)
            Assert.Contains(maximum ? depths.Max() : depths.Min(), values);
    }

    private static void AssertKept(CompiledRun run, IrKeep keep, (int Tid, long Depth)[] walked, bool exact)
    {
        var kept = run.Kept()[""].Select(place =>
            ((int)BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Ids)), AggregateLayout.DecodeMaximum(BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Value)))!.Value,
                BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.FrameCount)), FrameTrail.Read(place, run.Compiled.Kept!.Frames).Head)).ToList();
        Assert.All(kept, static hit => Assert.Equal((hit.Item2, hit.Item2), (hit.Item3, hit.Head.Length)));
        Assert.All(kept, hit => Assert.Contains((hit.Item1, hit.Item2), walked));
        if (exact)
            Assert.Equal(walked.Select(static hit => hit.Depth).OrderDescending().Take(keep.Count), kept.Select(static hit => hit.Item2).OrderDescending().Take(keep.Count));
    }

    private static void AssertGroups(CompiledRun run, Hit[] hits, (int Tid, long Depth)[] walked, long busy, long dropped)
    {
        var grouped = run.Compiled.Key is not null;
        var groups = run.Groups().Where(static group => group.Value.Count > 0).ToArray();
        Assert.Equal(hits.Length, run.Counter(HealthCounter.Hits));
        Assert.Equal(hits.Length, groups.Sum(static group => group.Value.Count) + run.Counter(HealthCounter.StackErrors) + busy);
        if (busy > 0)
            return;
        foreach (var (key, value) in groups)
        {
            var tid = grouped ? BinaryPrimitives.ReadInt64LittleEndian(Convert.FromHexString(key)) : 0;
            var depths = walked.Where(hit => !grouped || hit.Tid == tid).Select(static hit => hit.Depth).ToArray();
            Assert.Equal((depths.Length, depths.Sum(), depths.Length), (value.Count, value.Sum, value.ToHistogram().Count));
            if (dropped == 0)
                Assert.Equal((depths.Min(), depths.Max()), (value.Minimum, value.Maximum));
        }
    }
}
