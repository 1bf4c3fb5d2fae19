namespace StackDepth.Compile;

/// <summary>The health counters that the program keeps per CPU, in the order in which they lie in the results.</summary>
internal enum HealthCounter
{
    Hits,
    Busy,
    Dropped,
    KeysLost,
    StackErrors,
    Complete,
    Truncated,
    Broken,
    Approximate,
}

/// <summary>The value of the results map: counters, then the ungrouped aggregate, then zeroes as long as a group's aggregate.</summary>
internal sealed record ResultLayout(int AggregateBytes, int TemplateBytes)
{
    private const int Counters = (int)HealthCounter.Approximate + 1;

    internal static int AggregateOffset => Counters * sizeof(long);

    internal int TemplateOffset => AggregateOffset + AggregateBytes;

    internal int Size => TemplateOffset + TemplateBytes;

    internal static int Offset(HealthCounter counter) => (int)counter * sizeof(long);
}
