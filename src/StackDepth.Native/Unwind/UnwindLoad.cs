namespace StackDepth.Native.Unwind;

/// <summary>Where a table came from.</summary>
internal enum CacheOutcome
{
    /// <summary>Built; there is no cache.</summary>
    Off,

    /// <summary>Read from the cache.</summary>
    Hit,

    /// <summary>Built, as the cache did not have it.</summary>
    Missed,

    /// <summary>Built, as the cache's file was spoiled; that was deleted.</summary>
    Replaced,
}

/// <summary>A table, and what the cache had to do with it.</summary>
/// <param name="Table">The table.</param>
/// <param name="Cache">Where it came from.</param>
/// <param name="CacheProblem">What is wrong with the cache or with its file, in words; null when nothing is.</param>
internal sealed record UnwindLoad(UnwindTable Table, CacheOutcome Cache, string? CacheProblem);
