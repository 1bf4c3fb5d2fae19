using StackDepth.Compile;

namespace StackDepth.Core.Tests.Results;

public sealed class StackReasonTests
{
    [Fact]
    public void Each_reason_has_its_counter_and_each_completeness_too()
    {
        foreach (var reason in StackReasons.All)
            Assert.Equal(reason.ToString(), ResultLayout.Counter(reason).ToString());
        Assert.Equal(StackReasons.Last, StackReasons.All.Max());
        Assert.Equal(
            Enum.GetNames<Completeness>(), Enum.GetValues<Completeness>().Select(static completeness => (HealthCounter.Complete + (int)completeness).ToString()));
    }

    [Fact]
    public void Each_reason_belongs_to_one_completeness_and_only_no_reason_is_complete()
    {
        Assert.Equal(Completeness.Complete, StackReason.None.Completeness());
        Assert.All(StackReasons.All, static reason => Assert.NotEqual(Completeness.Complete, reason.Completeness()));
        Assert.Equal([StackReason.FrameLimit, StackReason.UnprovedLimit], StackReasons.All.Where(static reason => reason.Completeness() == Completeness.Truncated));
        Assert.Equal(
            [StackReason.FramePointerStep, StackReason.GuessFailed, StackReason.PythonGuess, StackReason.ForeignStack, StackReason.InterruptedStack, StackReason.UnprovedActivation],
            StackReasons.All.Where(static reason => reason.Completeness() == Completeness.Approximate));
    }

    [Fact]
    public void Counts_are_equal_when_they_count_the_same()
    {
        var counts = new StackReasonCounts((StackReason.NoProof, 3), (StackReason.FrameLimit, 1));

        Assert.Equal(counts, new((StackReason.FrameLimit, 1), (StackReason.NoProof, 1), (StackReason.NoProof, 2), (StackReason.Corrupt, 0)));
        Assert.Equal(counts.GetHashCode(), new StackReasonCounts((StackReason.FrameLimit, 1), (StackReason.NoProof, 3)).GetHashCode());
        Assert.NotEqual(counts, new((StackReason.NoProof, 3)));
        Assert.False(counts.Equals(null));
        Assert.Equal(StackReasonCounts.Empty, new());
    }

    [Fact]
    public void Counts_hold_the_reasons_that_there_were()
    {
        var counts = new StackReasonCounts((StackReason.FrameLimit, 1), (StackReason.NoProof, 3), (StackReason.Corrupt, 0));

        Assert.Equal([new(StackReason.NoProof, 3), new(StackReason.FrameLimit, 1)], counts);
        Assert.Equal((2, 3L, 0L, 0L), (counts.Count, counts[StackReason.NoProof], counts[StackReason.Corrupt], counts[(StackReason)99]));
        Assert.Equal("NoProof: 3, FrameLimit: 1", counts.ToString());
        Assert.Throws<ArgumentException>("counts", static () => new StackReasonCounts((StackReason.None, 1)));
        Assert.Throws<ArgumentException>("counts", static () => new StackReasonCounts(((StackReason)99, 1)));
    }

    [Fact]
    public void Health_is_equal_by_its_reasons_too()
    {
        var health = new ProbeHealth(1, 0, 0, 0, 0, 0, 0, 1, 0);

        Assert.NotEqual(health with { Reasons = new((StackReason.NoProof, 1)) }, health);
        Assert.Equal(health with { Reasons = new((StackReason.NoProof, 1)) }, health with { Reasons = new((StackReason.NoProof, 1)) });
    }
}
