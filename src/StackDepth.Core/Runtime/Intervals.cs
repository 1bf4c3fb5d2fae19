namespace StackDepth.Runtime;

/// <summary>Results of a part of a session.</summary>
internal static class Intervals
{
    /// <exception cref="ProbeQueryException">The query has none.</exception>
    internal static void Check(bool isAdditive)
    {
        if (!isAdditive)
        {
            throw new ProbeQueryException(
                "Only counts, sums, averages and histograms can begin anew within a session: a maximum, minimum, last value, quantile or kept hit stays in the kernel. Attach again for each interval, or ask for the Histogram.");
        }
    }
}
