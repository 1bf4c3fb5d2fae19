namespace StackDepth;

/// <summary>
/// Whether a result can be trusted, and why. Everything that can go missing is counted. Each captured stack is one of <see cref="Complete"/>, <see cref="Truncated"/>,
/// <see cref="Broken"/>, <see cref="Approximate"/> or <see cref="StackErrors"/>.
/// </summary>
/// <param name="Hits">Hits in the observed processes that passed the query's filters.</param>
/// <param name="Missed">Hits at which the program did not run or could not do its work (the kernel's recursion protection; no free capture slot on the CPU).</param>
/// <param name="Dropped">Values that did not fit into the ring buffer, or that lost every race against other hits for an extreme.</param>
/// <param name="KeysLost">Hits whose key found no room in the table of groups: it was full, or many new keys came at once.</param>
/// <param name="StackErrors">Stacks whose walk failed; they are in no result.</param>
/// <param name="Complete">Stacks whose outermost frame was reached and proved.</param>
/// <param name="Truncated">Stacks that a limit cut: their depth is a lower bound.</param>
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
    /// <summary>Whether nothing was lost and every captured stack was complete, so that the result is exact. Also true when there was nothing: look at <see cref="Hits"/>.</summary>
    public bool IsExact => Missed == 0 && Dropped == 0 && KeysLost == 0 && StackErrors == 0 && Truncated == 0 && Broken == 0 && Approximate == 0;

    /// <summary>The health in plain words: one sentence for each thing that a reader of the result must know.</summary>
    public override string ToString() => HealthText.Describe(this);
}
