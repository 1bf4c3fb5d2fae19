namespace StackDepth.Compile.Lowering.Walks;

/// <summary>What a walk that writes down its frames remembers, behind the other memory of the walk.</summary>
internal static class TrailMemory
{
    private const int Start = WalkMemory.Bytes + WalkMemory.StopBytes + RegionLowering.CacheBytes;

    /// <summary>The number of the kept hit that the frames belong to: 4 bytes, a key.</summary>
    internal const int Place = Start;

    /// <summary>The number of the frame that was written down last.</summary>
    internal const int Depth = Start + 8;

    /// <summary>How many entries there are.</summary>
    internal const int Length = Start + 16;

    /// <summary>How many frames repeat, where the last entry is a run; else 0.</summary>
    internal const int Period = Start + 24;

    /// <summary>The last frames, by their number.</summary>
    internal const int History = Start + 32;

    /// <summary>A power of two, more than <see cref="KeptLayout.LongestPeriod"/>.</summary>
    internal const int HistoryCount = 64;

    /// <summary>The numbers of the last frames, by a hash of their addresses; of walks before, too.</summary>
    internal const int Seen = History + (HistoryCount * sizeof(long));

    internal const int SeenBits = 6;

    /// <summary>The node that is being filled, of a stack that is a value.</summary>
    internal const int Node = Seen + ((1 << SeenBits) * sizeof(long));

    /// <summary>1 where a node of the stack found no room.</summary>
    internal const int Lost = Node + StackNode.WorkBytes;

    internal const int End = Lost + 8;
}
