namespace StackDepth.Core.Tests.Results;

public sealed class HealthTextTests
{
    private static readonly ProbeHealth None = new(0, 0, 0, 0, 0, 0, 0, 0, 0);

    [Fact]
    public void No_hits_says_what_that_can_mean() =>
        Assert.Equal("no hits: the probes were in place, and no observed process ran through them, or the query's filters let no hit pass.", None.ToString());

    [Fact]
    public void No_hits_with_stacks_walked_means_that_the_filters_let_none_pass() =>
        Assert.Equal("no hits: the query's filters let none of the hits pass whose stacks they looked at (1,200 stacks).", (None with { Broken = 1_200 }).ToString());

    [Fact]
    public void Hits_without_stacks_and_losses_are_exact()
    {
        var health = None with { Hits = 5 };

        Assert.Equal("exact: nothing was lost.", health.ToString());
        Assert.True(health.IsExact);
    }

    [Fact]
    public void Complete_stacks_are_exact()
    {
        var health = None with { Hits = 5, Complete = 5 };

        Assert.Equal("exact: nothing was lost and every stack is complete.", health.ToString());
        Assert.True(health.IsExact);
    }

    [Fact]
    public void What_was_lost_makes_the_result_incomplete() =>
        Assert.Equal(
            "incomplete: 1 stacks could not be walked and are in no result; 2 hits were missed; 3 values were dropped: the ring buffer was full, or other hits came between too often; "
            + "4 hits had a key that found no room (raise MaxKeys; a burst of new keys can outrun the kernel's allocator too).",
            (None with { Hits = 9, Complete = 9, StackErrors = 1, Missed = 2, Dropped = 3, KeysLost = 4 }).ToString());

    [Fact]
    public void Stacks_without_proof_make_the_result_unproved_whatever_else_is_lost() =>
        Assert.Equal(
            "not proved: 1,000 of 3,600 stacks were cut at the walk's limit: their true depth may be greater; 2,000 of 3,600 stacks ended without a proof that the outermost frame was "
            + "reached: their depth is what the walk saw, and may be wrong, mostly too small; 500 of 3,600 stacks needed a guess: their depth may be too small or too great; 7 hits were missed.",
            (None with { Hits = 3_600, Complete = 100, Truncated = 1_000, Broken = 2_000, Approximate = 500, Missed = 7 }).ToString());

    [Fact]
    public void Broken_stacks_are_told_apart_by_their_reasons() =>
        Assert.Equal(
            "not proved: 1 of 4 stacks were cut at the walk's limit: their true depth may be greater; 3 of 4 stacks ended without a proof that the outermost frame was reached: their depth is "
            + "what the walk saw, and may be wrong, mostly too small (2: a return address in no executable mapping, 1: the unwind rows of a file were not loaded yet).",
            (None with { Hits = 4, Truncated = 1, Broken = 3, Reasons = new((StackReason.FrameLimit, 1), (StackReason.TablePending, 1), (StackReason.UnmappedCode, 2)) }).ToString());

    [Fact]
    public void Every_reason_has_words() =>
        Assert.Equal(StackReasons.All.Count, StackReasons.All.Select(HealthText.Describe).Distinct().Count());

    [Fact]
    public void Hits_that_could_not_be_decided_are_said_even_where_no_other_hit_passed() =>
        Assert.Equal(
            "not proved: 2 of 2 stacks were cut at the walk's limit: their true depth may be greater; 2 hits are in no result, as their incomplete stacks leave open how their depth compares.",
            (None with { Undecided = 2, Truncated = 2 }).ToString());

    [Fact]
    public void Only_missed_hits_are_no_reason_to_say_that_there_were_none() => Assert.Equal("incomplete: 3 hits were missed.", (None with { Missed = 3 }).ToString());

    [Fact]
    public void Anything_lost_or_unproved_is_not_exact()
    {
        ProbeHealth[] flaws =
        [
            None with { Missed = 1 }, None with { Dropped = 1 }, None with { KeysLost = 1 }, None with { StackErrors = 1 },
            None with { Undecided = 1 }, None with { Truncated = 1 }, None with { Broken = 1 }, None with { Approximate = 1 },
        ];

        Assert.All(flaws, static health => Assert.False(health.IsExact));
        Assert.All(flaws, static health => Assert.DoesNotContain("exact", (health with { Hits = 1 }).ToString(), StringComparison.Ordinal));
    }
}
