namespace StackDepth.Compile.Lowering.Walks;

/// <summary>What a walk that delivers its frames remembers, behind the other memory of the walk.</summary>
internal static class TrailMemory
{
    private const int Start = WalkMemory.Bytes + WalkMemory.StopBytes + RegionLowering.CacheBytes;

    /// <summary>Which kept hit the frames belong to, counted from 1; 0 for a walk that only counts.</summary>
    internal const int Place = Start;

    /// <summary>The number of the frame that was written down last.</summary>
    internal const int Depth = Start + 8;

    /// <summary>How many entries there are.</summary>
    internal const int Length = Start + 16;

    /// <summary>How many frames repeat, where the last entry is a run; else 0.</summary>
    internal const int Period = Start + 24;

    internal const int Key = Start + 32;

    /// <summary>The last frames, by their number.</summary>
    internal const int History = Start + 40;

    /// <summary>A power of two, more than <see cref="KeptLayout.LongestPeriod"/>.</summary>
    internal const int HistoryCount = 32;

    internal const int End = History + (HistoryCount * sizeof(long));
}
