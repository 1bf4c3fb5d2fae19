using System.Collections.Immutable;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The maps through which the walker in the kernel gets its tables: their names, sizes and the numbers in their entries, for both sides.
/// </summary>
/// <remarks>
/// A file is found in <see cref="FilesName"/>. Its entry leads to the index of its pages, which lies, like the pages' rows, in a space of 2^24 words of 4 bytes:
/// word w is in slot <c>w >> WordBits</c> of <see cref="TablesName"/>, at <c>w &amp; (ChunkWords - 1)</c>. An index word is
/// <c>(word of the page's first row) &lt;&lt; 8 | (rows in the page - 1)</c>; a row is <c>offsetInPage &lt;&lt; 24 | rule</c>, and the rule is at that index of
/// <see cref="RulesName"/>, by its low <see cref="MarksShift"/> bits; the bits above are the marks of <see cref="FunctionMarks"/>. The rows of one page lie in one slot. Everything an entry leads to is written before the entry, and never changed after.
/// </remarks>
internal static class UnwindMaps
{
    /// <summary>Hash from <see cref="UnwindFileKey"/> to <see cref="UnwindFileEntry"/>.</summary>
    internal const string FilesName = "unwind_files";

    /// <summary>Array of arrays of one value, a chunk of words.</summary>
    internal const string TablesName = "unwind_tables";

    /// <summary>Array of rules of 8 bytes.</summary>
    internal const string RulesName = "unwind_rules";

    /// <summary>Ring buffer of <see cref="UnwindRequest"/>s, each submitted with the kernel's default wake-up: tables are wanted at once.</summary>
    internal const string RequestsName = "unwind_requests";

    internal const int MaxFiles = 4096;
    internal const int MaxChunks = 1024;
    internal const int MaxRules = 1 << MarksShift;
    internal const int RequestRingBytes = 65536;

    internal const int WordBits = 14;
    internal const int ChunkWords = 1 << WordBits;
    internal const int ChunkBytes = ChunkWords * sizeof(uint);

    /// <summary>A page is 256 bytes of file offset.</summary>
    internal const int PageBits = 8;
    internal const int MaxPageRows = 1 << PageBits;
    internal const int RuleBytes = 8;

    /// <summary>Where the marks begin in the 24 bits of a row's rule.</summary>
    internal const int MarksShift = 15;

    /// <summary>The rule of text without rows.</summary>
    internal const uint NoRule = 0;

    /// <summary>The rule that cannot be expressed, and each that found no room.</summary>
    internal const uint UnsupportedRule = 1;

    internal static MapSpec Files { get; } = new(FilesName, MapType.Hash, 16, UnwindFileEntry.Size, MaxFiles);

    internal static MapSpec Chunk { get; } = new("unwind_chunk", MapType.Array, sizeof(uint), ChunkBytes, 1);

    internal static MapSpec Tables { get; } = new(TablesName, MapType.ArrayOfMaps, sizeof(uint), sizeof(uint), MaxChunks, Inner: Chunk);

    internal static MapSpec Rules { get; } = new(RulesName, MapType.Array, sizeof(uint), RuleBytes, MaxRules);

    internal static MapSpec Requests { get; } = new(RequestsName, MapType.RingBuffer, 0, 0, RequestRingBytes);

    internal static ImmutableArray<MapSpec> All { get; } = [Files, Tables, Rules, Requests];
}
