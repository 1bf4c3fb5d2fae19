namespace StackDepth.Core.Tests.Results;

public sealed class DepthVerdictTests
{
    private static readonly ProbeHealth Exact = new(5, 0, 0, 0, 0, 5, 0, 0, 0);

    [Fact]
    public void Exact_results_are_decided_and_the_limit_itself_is_within()
    {
        Assert.Equal(DepthVerdict.Within, Exact.Decide(99, 100));
        Assert.Equal(DepthVerdict.Within, Exact.Decide(100, 100));
        Assert.Equal(DepthVerdict.Exceeds, Exact.Decide(101, 100));
    }

    [Fact]
    public void Nothing_measured_decides_nothing() => Assert.Equal(DepthVerdict.Undecided, Exact.Decide(null, 100));

    [Fact]
    public void Whatever_was_lost_or_is_not_proved_can_have_been_deeper()
    {
        ProbeHealth[] flaws =
        [
            Exact with { Missed = 1 }, Exact with { Dropped = 1 }, Exact with { KeysLost = 1 }, Exact with { StackErrors = 1 }, Exact with { Undecided = 1 },
            Exact with { Truncated = 1 }, Exact with { Broken = 1 }, Exact with { Approximate = 1 },
        ];

        Assert.All(flaws, static health => Assert.Equal(DepthVerdict.Undecided, health.Decide(100, 100)));
    }

    [Fact]
    public void A_lower_bound_beyond_the_limit_exceeds_it()
    {
        Assert.Equal(DepthVerdict.Exceeds, (Exact with { Truncated = 1, Reasons = new((StackReason.FrameLimit, 1)) }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Exceeds, (Exact with { Broken = 2, Reasons = new((StackReason.UnmappedCode, 1), (StackReason.ReadFailed, 1)) }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Exceeds, (Exact with { Missed = 7, Dropped = 7 }).Decide(101, 100));
    }

    [Fact]
    public void A_depth_that_may_count_too_many_frames_exceeds_nothing()
    {
        Assert.Equal(DepthVerdict.Undecided, (Exact with { Approximate = 1, Reasons = new((StackReason.FramePointerStep, 1)) }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Undecided, (Exact with { Broken = 2, Reasons = new((StackReason.UnmappedCode, 1), (StackReason.NoProof, 1)) }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Undecided, (Exact with { Broken = 1 }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Undecided, (Exact with { Truncated = 2, Reasons = new((StackReason.FrameLimit, 1), (StackReason.UnprovedLimit, 1)) }).Decide(101, 100));
        Assert.Equal(DepthVerdict.Undecided, (Exact with { Truncated = 1 }).Decide(101, 100));
    }

    [Fact]
    public void A_run_is_asked_in_one_word()
    {
        var run = new ProbeRun<int?>(30, 0, Exact);

        Assert.Equal((DepthVerdict.Within, DepthVerdict.Exceeds), (run.IsAtMost(30), run.IsAtMost(29)));
        Assert.Equal(DepthVerdict.Undecided, (run with { Result = null }).IsAtMost(30));
        Assert.Equal(DepthVerdict.Undecided, (run with { Health = Exact with { Missed = 1 } }).IsAtMost(30));
        Assert.Equal(DepthVerdict.Exceeds, new ProbeRun<Summary<int>>(new(5, 1, 30, 3, new([])), 0, Exact).IsAtMost(29));
    }
}
