namespace StackDepth;

/// <summary>
/// Whether a result can be trusted, and why. Everything that can go missing is counted. Each captured stack is one of <see cref="Complete"/>, <see cref="Truncated"/>,
/// <see cref="Broken"/>, <see cref="Approximate"/> or <see cref="StackErrors"/>; a query that captures two stacks at a hit, or one by two walks, counts both.
/// </summary>
/// <param name="Hits">Hits in the observed processes that passed the query's filters.</param>
/// <param name="Missed">Hits at which the program did not run or could not do its work (the kernel's recursion protection; no free capture slot on the CPU), and returns that the kernel did not report, beyond 64 pending ones of a thread (Linux 6.13).</param>
/// <param name="Dropped">Values that did not fit into the ring buffer, or that lost every race against other hits for an extreme.</param>
/// <param name="KeysLost">Hits whose key found no room in the table of groups, or whose stack found none among the stacks that are values: it was full, or many new ones came at once.</param>
/// <param name="StackErrors">Stacks whose walk failed; they are in no result.</param>
/// <param name="Complete">Stacks whose outermost frame was reached and proved.</param>
/// <param name="Truncated">Stacks that a limit cut: their depth may be too small.</param>
/// <param name="Broken">Stacks whose chain ended without a proof that it was the end: their depth may be too small.</param>
/// <param name="Approximate">Stacks in which a step had to guess.</param>
public sealed record ProbeHealth(
    long Hits,
    long Missed,
    long Dropped,
    long KeysLost,
    long StackErrors,
    long Complete,
    long Truncated,
    long Broken,
    long Approximate)
{
    /// <summary>Hits for which incomplete stacks left it open what a filter asks of their depth, or what a selected comparison says; they are in no result. Such a filter keeps them out of <see cref="Hits"/> too.</summary>
    public long Undecided { get; init; }

    /// <summary>Hits that needed the value of a variable (<see cref="StateExpr{T}.Value"/>) that was not set; they are in no result. Nothing was lost by that: it is what the query means.</summary>
    public long Unset { get; init; }

    /// <summary>Hits at which a text or an argument in memory that the query asks for could not be read: its address is wrong, or its page was not in memory at that moment. They are in no result.</summary>
    public long ReadErrors { get; init; }

    /// <summary>Why stacks were <see cref="Truncated"/>, <see cref="Broken"/> or <see cref="Approximate"/>.</summary>
    public StackReasonCounts Reasons { get; init; } = StackReasonCounts.Empty;

    /// <summary>Whether nothing was lost and every captured stack was complete, so that the result is exact. Also true when there was nothing: look at <see cref="Hits"/>.</summary>
    public bool IsExact => Undecided == 0 && ReadErrors == 0 && Missed == 0 && Dropped == 0 && KeysLost == 0 && StackErrors == 0 && Truncated == 0 && Broken == 0 && Approximate == 0;

    /// <summary>
    /// Whether the true depths behind a maximum were at most <paramref name="limit"/>. A depth beyond the limit is <see cref="DepthVerdict.Exceeds"/> only where no stack may have been
    /// counted too deep; one within it is <see cref="DepthVerdict.Within"/> only where nothing was lost and every stack is complete. All else is <see cref="DepthVerdict.Undecided"/>, and so is
    /// no maximum at all.
    /// </summary>
    /// <param name="maximum">The greatest depth of the query that this health belongs to; null when nothing was measured.</param>
    /// <param name="limit">The greatest depth that is within the limit.</param>
    public DepthVerdict Decide(long? maximum, long limit) => maximum switch
    {
        null => DepthVerdict.Undecided,
        { } deepest when deepest > limit => MayCountTooMany ? DepthVerdict.Undecided : DepthVerdict.Exceeds,
        _ => IsExact ? DepthVerdict.Within : DepthVerdict.Undecided,
    };

    // What our own walks cut, or saw break, is a lower bound. The kernel's walk goes where the register points, which in code without frame pointers can be a circle: perf_callchain_user
    // (arch/x86/events/core.c) asks neither for ascent nor for code. Its stacks are cut at its own limit, or without proof, as our own can be too.
    private bool MayCountTooMany =>
        Approximate > 0 || Truncated > Reasons[StackReason.FrameLimit] || Broken > Reasons.Of(Completeness.Broken) - Reasons[StackReason.NoProof];

    /// <summary>The health in plain words: one sentence for each thing that a reader of the result must know.</summary>
    public override string ToString() => HealthText.Describe(this);
}
