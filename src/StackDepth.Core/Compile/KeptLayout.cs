using System.Collections.Immutable;
using System.Numerics;
using StackDepth.Ir;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>
/// How hits are kept with their frames. There are some more places than hits that are asked for, so that a hit finds one while others are being written; what is kept is always the best
/// of all hits, and the rest are spare.
/// </summary>
/// <param name="Keep">What is asked for.</param>
/// <param name="Stack">The stack whose frames are delivered.</param>
internal sealed record KeptLayout(IrKeep Keep, IrStack Stack)
{
    private const int MostPlaces = 64;

    private const long MostPreallocatedBytes = 64 << 20;

    // A hash map has 16 bytes for each element that it may get.
    private const long MostKeptPlaces = 1 << 24;

    /// <summary>The most hits that a query keeps.</summary>
    internal const int Most = MostPlaces - Spare;

    /// <summary>As many hits can be written at the same time without one of those that are asked for being in the way.</summary>
    internal const int Spare = 3;

    // The order: { value, lock } for each place, the value in the form of AggregateLayout.EncodeMaximum.
    internal const int OrderEntryBytes = 16;

    internal const int OrderValue = 0;

    internal const int OrderLock = 8;

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

    /// <summary>Frames that repeat those before them: this bit, the number of frames that repeat at <see cref="RunPeriodShift"/>, and in the bits below how many frames there are of them.</summary>
    internal const ulong RunMark = 1UL << 63;

    internal const int RunPeriodShift = 48;

    /// <summary>The most frames of which a repetition is found.</summary>
    internal const int LongestPeriod = 32;

    internal int Places => Keep.Count + Spare;

    /// <summary>A power of two, as the program masks the number of a place.</summary>
    internal int OrderEntries => (int)BitOperations.RoundUpToPowerOf2((uint)Places);

    /// <summary>Behind the order of a key: the number of its first place; 0 as long as it has none.</summary>
    internal int OrderFirst => OrderEntries * OrderEntryBytes;

    internal int OrderBytes => OrderFirst + (Key is null ? 0 : sizeof(long));

    internal TrailLayout Frames => Key is null ? TrailLayout.OfAll : TrailLayout.OfKey;

    /// <summary>How large a place is.</summary>
    internal int Bytes => Trail + Frames.Bytes;

    /// <summary>The order and the places: for each key its own, made when a hit needs them.</summary>
    internal ImmutableArray<MapSpec> Maps(CompileTarget target)
    {
        if (Key is null)
            return [new(MapNames.KeptOrder, MapType.Array, sizeof(int), OrderBytes, 1), new(MapNames.Kept, MapType.Array, sizeof(int), Bytes, Places)];
        var keys = target.PreallocateGroups ? (int)long.Min(target.MaxKeys, long.Max(MostPreallocatedBytes / (Bytes * Places), 1)) : target.MaxKeys;
        var flags = target.PreallocateGroups ? MapFlags.None : MapFlags.NoPreallocation;
        return
        [
            new(MapNames.KeptOrder, MapType.Hash, Key.Size, OrderBytes, keys, flags),
            new(MapNames.Kept, MapType.Hash, sizeof(int), Bytes, (int)long.Min((long)keys * Places, MostKeptPlaces), flags),
            new(MapNames.KeptCount, MapType.Array, sizeof(int), sizeof(long), 1),
            new(MapNames.KeptTemplate, MapType.Array, sizeof(int), Bytes, 1),
        ];
    }

    /// <summary>The key for each of which hits are kept; null where they are kept over all.</summary>
    internal EventLayout? Key { get; } = Keep.Key is { } key ? EventLayout.OfKey(key) : null;
}
