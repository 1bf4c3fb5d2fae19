using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>
/// How stacks are kept that are values: each once, as a chain of nodes. A node holds eight entries of a trail and the number of the node before it; it is found by all of that, not by a hash of it, so two stacks
/// have one number only where all of their frames are the same. The last node of a chain says whose stack it is, and its number stands for the stack.
/// </summary>
internal static class StackNode
{
    /// <summary>The number of the node before; 0 for none. With the entries it is the key by which a node is found.</summary>
    internal const int Parent = 0;

    internal const int Entries = 8;

    /// <summary>A power of two.</summary>
    internal const int EntryCount = 8;

    internal const int KeyBytes = Entries + (EntryCount * sizeof(long));

    /// <summary>When the node was made, in nanoseconds of CLOCK_BOOTTIME.</summary>
    internal const int Time = KeyBytes;

    internal const int Bytes = Time + sizeof(long);

    /// <summary>The number of a node that is being made, behind it in the memory in which it is made.</summary>
    internal const int Number = Bytes;

    internal const int WorkBytes = Number + sizeof(long);

    // The last node of a stack, by its entries: the process id (0 for a stack of the kernel), when the process started, the StackReason, the number of frames, and of
    // entries of the trail, and how many frames were left out at the inner end.
    internal const int Process = Entries;
    internal const int Started = Entries + 8;
    internal const int Reason = Entries + 16;
    internal const int Frames = Entries + 24;
    internal const int Length = Entries + 32;
    internal const int Skipped = Entries + 40;

    private const int Most = 1 << 22;

    private const int NodesOfKey = 4;

    /// <summary>How many nodes fit, where so many keys do.</summary>
    internal static int Capacity(CompileTarget target) => (int)long.Min((long)target.MaxKeys * NodesOfKey, Most);

    internal static ImmutableArray<MapSpec> Maps(CompileTarget target) =>
    [
        new(MapNames.StackNumbers, MapType.Hash, KeyBytes, sizeof(long), Capacity(target), target.PreallocateGroups ? MapFlags.None : MapFlags.NoPreallocation),
        // Number 0 stands for no node.
        new(MapNames.StackNodes, MapType.Array, sizeof(int), Bytes, Capacity(target) + 1),
        new(MapNames.StackCount, MapType.Array, sizeof(int), sizeof(long), 1),
    ];

    internal static bool IsDeliveredBy(IrQuery query) => query.Expressions.Any(static expression => expression.Any(static node => node is IrStackFrames));
}
