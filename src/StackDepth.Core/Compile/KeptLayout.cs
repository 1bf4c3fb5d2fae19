using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>
/// How hits are kept with their frames. There are some more places than hits that are asked for, so that a hit finds one while others are being written; what is kept is always the best
/// of all hits, and the rest are spare.
/// </summary>
/// <param name="Keep">What is asked for.</param>
/// <param name="Stack">The stack whose frames are delivered.</param>
internal sealed record KeptLayout(IrKeep Keep, IrStack Stack)
{
    /// <summary>The most hits that a query keeps.</summary>
    internal const int Most = OrderEntries - Spare;

    /// <summary>As many hits can be written at the same time without one of those that are asked for being in the way.</summary>
    internal const int Spare = 3;

    /// <summary>The order: { value, lock } for each place, the value in the form of <see cref="AggregateLayout.EncodeMaximum"/>. A power of two, as the program masks the number of a place.</summary>
    internal const int OrderEntries = 64;

    internal const int OrderEntryBytes = 16;

    internal const int OrderValue = 0;

    internal const int OrderLock = 8;

    internal const int OrderBytes = OrderEntries * OrderEntryBytes;

    // A place. Version is odd while it is being written.
    internal const int Version = 0;
    internal const int Value = 8;
    internal const int Ids = 16;
    internal const int Comm = 24;
    internal const int Site = 40;

    /// <summary>When the process started, in nanoseconds of CLOCK_BOOTTIME; 0 where the kernel's fields are not known.</summary>
    internal const int Started = 48;

    internal const int FrameCount = 56;

    internal const int Reason = 64;

    /// <summary>How many entries the trail has, those included that made room for later ones.</summary>
    internal const int TrailLength = 72;

    /// <summary>When the hit was, in nanoseconds of CLOCK_BOOTTIME.</summary>
    internal const int Time = 80;

    internal const int Trail = 88;

    /// <summary>
    /// The trail: addresses, innermost first, runs among them (<see cref="RunMark"/>). Of a longer one the first entries are kept and the last: see <see cref="TrailEntry"/>.
    /// </summary>
    internal const int TrailHead = 2048;

    /// <summary>A power of two.</summary>
    internal const int TrailTail = 2048;

    internal const int TrailEntries = TrailHead + TrailTail;

    internal const int Bytes = Trail + (TrailEntries * sizeof(long));

    /// <summary>Frames that repeat those before them: this bit, the number of frames that repeat at <see cref="RunPeriodShift"/>, and in the bits below how many frames there are of them.</summary>
    internal const ulong RunMark = 1UL << 63;

    internal const int RunPeriodShift = 48;

    /// <summary>The most frames of which a repetition is found.</summary>
    internal const int LongestPeriod = 32;

    internal int Places => Keep.Count + Spare;

    /// <summary>Where the entry with this number lies.</summary>
    internal static int TrailEntry(long number) => number < TrailHead ? (int)number : TrailHead + (int)((number - TrailHead) & (TrailTail - 1));
}
