namespace StackDepth.Compile;

/// <summary>The health counters that the program keeps per CPU, in the order in which they lie in the results.</summary>
internal enum HealthCounter
{
    Hits,
    Busy,
    Dropped,
    KeysLost,
    StackErrors,

    /// <summary>Hits for which incomplete stacks left it open what the query asks.</summary>
    Undecided,

    // One for each Completeness, in its order, of the stacks that were captured.
    Complete,
    Truncated,
    Broken,
    Approximate,

    // One for each StackReason but None, in its order.
    NoProof,
    UnmappedCode,
    TablePending,
    TableUnusable,
    UnsupportedRule,
    ReadFailed,
    Corrupt,
    SignalLimit,
    MappingBusy,
    FrameLimit,
    UnprovedLimit,
    FramePointerStep,
    GuessFailed,
    PythonPending,
    PythonAbsent,
    PythonUnsupported,
    PythonBusy,
    PythonGuess,
    ForeignStack,
    InterruptedStack,
    UnprovedActivation,
    UnseenEntries,
    LostEntries,

    /// <summary>Hits at which a text could not be read.</summary>
    ReadErrors,
}

/// <summary>The value of the results map: counters, then the ungrouped aggregate, then zeroes as long as a group's aggregate.</summary>
internal sealed record ResultLayout(int AggregateBytes, int TemplateBytes)
{
    private const int Counters = (int)HealthCounter.ReadErrors + 1;

    internal static int AggregateOffset => Counters * sizeof(long);

    internal int TemplateOffset => AggregateOffset + AggregateBytes;

    internal int Size => TemplateOffset + TemplateBytes;

    internal static int Offset(HealthCounter counter) => (int)counter * sizeof(long);

    /// <summary>The counter of stacks that are not complete for this reason.</summary>
    internal static HealthCounter Counter(StackReason reason) => HealthCounter.NoProof + ((int)reason - (int)StackReason.NoProof);
}
