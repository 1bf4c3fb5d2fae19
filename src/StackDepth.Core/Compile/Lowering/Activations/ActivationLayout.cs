using System.Collections.Immutable;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// How the live activations of a function on a thread are kept: the stack pointers at their entries, from the outermost on, so that they descend. The first few lie in the record of the thread and site, the
/// others in chunks of a map of their own, which a record has as many of as its recursion was ever deep. Only the thread itself touches what is its own, so nothing needs to be atomic.
/// </summary>
internal static class ActivationLayout
{
    /// <summary>Entries in a record: one less than a power of two, so that a search takes a step less.</summary>
    internal const int RecordEntries = 31;

    internal const int ChunkEntries = 512;

    internal const int ChunkShift = 9;

    /// <summary>The most activations that are kept: an index of chunks is as long as a chunk.</summary>
    internal const int Capacity = RecordEntries + (ChunkEntries * ChunkEntries);

    /// <summary>The site of the record that begins the list of a thread's sites.</summary>
    internal const int Head = -1;

    /// <summary>Stack pointers are kept with the rank of their stack above them, so that all activations on the thread's own stack come before those on a stack that was entered from it.</summary>
    internal const int ForeignRank = 59;

    internal const int OwnRank = 60;

    /// <summary>Above all user addresses (5-level page tables have 56 bits of them), below the ranks.</summary>
    internal const int AddressBits = 56;

    private const int Records = 32_768;
    private const int Chunks = 8_192;

    // Kernels before 6.1, where all of it is allocated at the start.
    private const int PreallocatedRecords = 4_096;
    private const int PreallocatedChunks = 1_024;

    /// <summary>The maps of a program that counts activations.</summary>
    internal static ImmutableArray<MapSpec> Maps(bool preallocate, int sites)
    {
        var flags = preallocate ? MapFlags.None : MapFlags.NoPreallocation;
        return
        [
            new(MapNames.Activations, MapType.Hash, Key.Bytes, Record.Bytes, preallocate ? PreallocatedRecords : Records, flags),
            new(MapNames.ActivationChunks, MapType.Hash, ChunkKey.Bytes, ChunkBytes, preallocate ? PreallocatedChunks : Chunks, flags),
            new(MapNames.ActivationsLost, MapType.Array, sizeof(int), Lost.Bytes, 1),
            new(MapNames.FunctionCode, MapType.Array, sizeof(int), Code.Bytes, sites),
            new(MapNames.Attached, MapType.Array, sizeof(int), sizeof(long), 1),
        ];
    }

    internal const int ChunkBytes = ChunkEntries * sizeof(long);

    internal static class Key
    {
        internal const int Thread = 0;
        internal const int Site = 4;
        internal const int Bytes = 8;
    }

    /// <summary>Chunk 0 is the index: the first entries of all chunks but the first.</summary>
    internal static class ChunkKey
    {
        internal const int Number = 8;
        internal const int Bytes = 12;
    }

    internal static class Record
    {
        internal const int Entries = 0;

        /// <summary>The last entry: right behind the others, where a search that looks one too far finds something to read.</summary>
        internal const int Top = RecordEntries * sizeof(long);

        /// <summary>Whose record it is: when the thread began, and how often it has called exec since. Ids are given again.</summary>
        internal const int Started = Top + 8;

        /// <summary>The mapping that was found to be the thread's own stack.</summary>
        internal const int OwnStart = Top + 16;

        internal const int OwnLength = Top + 24;

        /// <summary>The first entry of the last chunk in use.</summary>
        internal const int ChunkFirst = Top + 32;

        /// <summary>Entries up to this one may be missing; 0 where none is.</summary>
        internal const int Missing = Top + 40;

        /// <summary>Entries from the outermost to this one are not proved to be live; 0 where all are.</summary>
        internal const int Unproved = Top + 48;

        internal const int Count = Top + 56;
        internal const int ExecId = Top + 60;

        /// <summary>One more than the highest number of a chunk that was ever made; 0 for none.</summary>
        internal const int ChunksMade = Top + 64;

        /// <summary>One more than the site of the thread's next record; 0 at the end of the list.</summary>
        internal const int NextSite = Top + 68;

        /// <summary>Why entries may be missing: a <see cref="StackReason"/>.</summary>
        internal const int MissingReason = Top + 72;

        /// <summary>The entry before the last one, as it was when that was stored: where it is not above a new entry, it says nothing.</summary>
        internal const int Second = Top + 80;

        internal const int Bytes = Top + 88;
    }

    /// <summary>Where the code of a probed function is, by site: its size from the entry on, and its cold part, as a distance from the entry. Sizes of 0 hold nothing.</summary>
    internal static class Code
    {
        internal const int Size = 0;
        internal const int ColdDistance = 8;
        internal const int ColdSize = 16;

        /// <summary>Whether that is all of it: 1, or 0 where parts may be elsewhere.</summary>
        internal const int IsWhole = 24;

        internal const int Bytes = 32;
    }

    /// <summary>Zeroes to begin a record or a chunk with, and a bit for each thread (by the low bits of its id) of which an entry was lost before it had a record.</summary>
    internal static class Lost
    {
        internal const int Threads = ChunkBytes;
        internal const int WordMask = 1023;
        internal const int Bytes = Threads + ((WordMask + 1) * sizeof(long));
    }
}
