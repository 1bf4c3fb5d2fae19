using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>What a walk says about its stack reaches counters, records and groups.</summary>
public sealed class CompletenessTests
{
    private static readonly CompileTarget Target = GoldenQueries.Target with { Walk = StackWalk.Auto };
    private static readonly IrStack User = new(StackKind.User);

    public static TheoryData<StackReason> Reasons => [StackReason.None, .. StackReasons.All];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void A_stack_is_counted_once_by_its_completeness_and_once_by_its_reason(StackReason reason)
    {
        var run = new WalkedRun(GoldenQueries.Source.Select(s => (s.UStack.Length, s.UStack.Completeness, s.UStack.Reason)).Query, Target);
        run.Hit(new Hit(), Walk(42, reason));

        HashSet<HealthCounter> counted = [HealthCounter.Hits, HealthCounter.Complete + (int)reason.Completeness()];
        if (reason != StackReason.None)
            counted.Add(ResultLayout.Counter(reason));
        Assert.All(Enum.GetValues<HealthCounter>(), counter => Assert.Equal(counted.Contains(counter) ? 1 : 0, run[counter]));
        var record = Assert.Single(run.Run.Machine.Ring!.Records).Bytes;
        Assert.Equal([42, (long)reason.Completeness(), (long)reason], Enumerable.Range(0, 3).Select(index => BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(index * 8))));
    }

    [Fact]
    public void What_a_walk_must_not_store_counts_somewhere_and_breaks_nothing()
    {
        var run = new WalkedRun(GoldenQueries.Source.Select(s => s.UStack.Length).Max().Query, Target);
        run.Hit(new Hit(), Walk(42, (StackReason)Enum.GetValues<StackReason>().Length));
        run.Hit(new Hit(), Walk(42, (StackReason)(-1)));

        Assert.Equal((2, 2), (run[HealthCounter.Hits], run[HealthCounter.Broken]));
        Assert.All(StackReasons.All, reason => Assert.Equal(0, run[ResultLayout.Counter(reason)]));
    }

    [Fact]
    public void Two_walks_of_a_stack_are_two_captures_and_both_are_counted()
    {
        var run = new WalkedRun(GoldenQueries.Source.Select(s => (s.UStack.Length, s.UStack.By(StackWalk.Unwind).Length, s.KStack.Length)).Query, Target);
        run.Hit(new Hit { KernelStack = 24 }, new Dictionary<IrStack, Walked> { [User] = new(10, StackReason.FramePointerStep), [new(StackKind.User, StackWalk.Unwind)] = new(12, StackReason.None) });

        Assert.Equal((1, 2, 1), (run[HealthCounter.Hits], run[HealthCounter.Complete], run[HealthCounter.Approximate]));
        var record = Assert.Single(run.Run.Machine.Ring!.Records).Bytes;
        Assert.Equal([10, 12, 3], Enumerable.Range(0, 3).Select(index => BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(index * 8))));
    }

    [Fact]
    public void An_aggregate_of_complete_stacks_leaves_the_others_out_and_its_hits_are_those_that_passed()
    {
        var run = new WalkedRun(GoldenQueries.Source.Where(s => s.UStack.IsComplete).Select(s => s.UStack.Length).Summary().Query, Target);
        run.Hit(new Hit(), Walk(10, StackReason.None));
        run.Hit(new Hit(), Walk(900, StackReason.TablePending));
        run.Hit(new Hit(), Walk(20, StackReason.None));
        run.Hit(new Hit { UserStack = -14 }, Walk(1, StackReason.None));

        Assert.Equal((2, 10, 20), (run.Run.Total().Count, run.Run.Total().Minimum, run.Run.Total().Maximum));
        Assert.Equal((2, 2, 1, 1, 0), (run[HealthCounter.Hits], run[HealthCounter.Complete], run[HealthCounter.Broken], run[HealthCounter.StackErrors], run[HealthCounter.Undecided]));
    }

    [Fact]
    public void Completeness_and_reason_are_keys_of_groups()
    {
        var byCompleteness = new WalkedRun(GoldenQueries.Source.GroupBy(s => s.UStack.Completeness).Max(s => s.UStack.Length).Query, Target);
        var byReason = new WalkedRun(GoldenQueries.Source.GroupBy(s => s.UStack.Reason).Count().Query, Target);
        foreach (var run in (WalkedRun[])[byCompleteness, byReason])
        {
            run.Hit(new Hit(), Walk(3, StackReason.None));
            run.Hit(new Hit(), Walk(5, StackReason.Corrupt));
            run.Hit(new Hit(), Walk(7, StackReason.SignalLimit));
        }

        Assert.Equal([(0L, 3L), (2, 7)], Groups(byCompleteness).Select(static group => (group.Key, group.Value.Maximum!.Value)));
        Assert.Equal([(StackReason.None, 1L), (StackReason.Corrupt, 1), (StackReason.SignalLimit, 1)], Groups(byReason).Select(static group => ((StackReason)group.Key, group.Value.Count)));
    }

    private static IEnumerable<(long Key, StackDepth.Runtime.AggregateValue Value)> Groups(WalkedRun run) =>
        run.Run.Groups().Select(static group => (BinaryPrimitives.ReadInt64LittleEndian(Convert.FromHexString(group.Key)), group.Value)).OrderBy(static group => group.Item1);

    private static Dictionary<IrStack, Walked> Walk(long count, StackReason reason) => new() { [User] = new(count, reason) };
}
