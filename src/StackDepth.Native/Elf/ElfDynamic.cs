using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace StackDepth.Native.Elf;

/// <summary>What PT_DYNAMIC says: needed libraries, search paths, and where the dynamic symbols are. Addresses go through PT_LOAD, as in the loader.</summary>
internal sealed class ElfDynamic
{
    private const ulong MaxLength = 1 << 20;
    private const ulong MaxStrings = 4096;

    private const ulong TagNull = 0;
    private const ulong TagNeeded = 1;
    private const ulong TagHash = 4;
    private const ulong TagStrings = 5;
    private const ulong TagSymbols = 6;
    private const ulong TagStringsSize = 10;
    private const ulong TagName = 14;
    private const ulong TagRPath = 15;
    private const ulong TagRunPath = 29;
    private const ulong TagGnuHash = 0x6ffffef5;
    private const ulong TagFlags1 = 0x6ffffffb;
    private const ulong FlagProgram = 0x08000000; // DF_1_PIE

    private readonly ElfReader? _reader;
    private readonly ElfSegment[] _segments;
    private ulong _strings;
    private ulong _stringsSize;
    private ulong _symbols;
    private ulong _hash;
    private ulong _gnuHash;

    private ElfDynamic(ElfReader? reader, ElfSegment[] segments)
    {
        _reader = reader;
        _segments = segments;
    }

    /// <summary>DT_NEEDED, in order.</summary>
    internal ImmutableArray<string> Needed { get; private set; } = [];

    /// <summary>DT_RPATH, or null.</summary>
    internal string? RPath { get; private set; }

    /// <summary>DT_RUNPATH, or null.</summary>
    internal string? RunPath { get; private set; }

    /// <summary>DT_SONAME, or null.</summary>
    internal string? Name { get; private set; }

    /// <summary>Whether the file says that it is a program and no library: DF_1_PIE in DT_FLAGS_1.</summary>
    internal bool IsProgram { get; private set; }

    internal static ElfDynamic Read(ElfReader reader, ElfSegment[] segments)
    {
        foreach (ref readonly var segment in segments.AsSpan())
        {
            if (segment.Type == ElfConstants.SegmentDynamic)
            {
                var result = new ElfDynamic(reader, segments);
                result.Parse(reader, segment);
                return result;
            }
        }

        return new ElfDynamic(null, segments);
    }

    /// <summary>The dynamic symbols, their number taken from the hash table, as section headers are not there to tell.</summary>
    internal ElfSymbolTable ReadSymbols()
    {
        if (_reader is null || _symbols == 0 || _strings == 0)
        {
            return ElfSymbolTable.Empty;
        }

        var count = _gnuHash != 0 ? CountByGnuHash(_reader) : CountByHash(_reader);
        var strings = _reader.Read(OffsetOf(_strings, "DT_STRTAB"), _stringsSize, "dynamic string table");
        return new ElfSymbolTable(_reader.Path, "DT_SYMTAB", _reader.ReadRecords<ElfSymbol>(OffsetOf(_symbols, "DT_SYMTAB"), count, "DT_SYMTAB"), strings);
    }

    private void Parse(ElfReader reader, in ElfSegment segment)
    {
        if (segment.FileSize > MaxLength)
        {
            throw new ElfException(reader.Path, $"is damaged: PT_DYNAMIC claims {segment.FileSize} bytes.");
        }

        var words = reader.ReadRecords<ulong>(segment.Offset, segment.FileSize / 16 * 2, "PT_DYNAMIC").AsSpan();
        var length = 0;
        ulong name = 0, rpath = 0, runPath = 0;
        bool hasName = false, hasRPath = false, hasRunPath = false;
        var needed = new List<ulong>();
        for (; length < words.Length && words[length] != TagNull; length += 2)
        {
            var value = words[length + 1];
            switch (words[length])
            {
                case TagNeeded: needed.Add(value); break;
                case TagHash: _hash = value; break;
                case TagStrings: _strings = value; break;
                case TagSymbols: _symbols = value; break;
                case TagStringsSize: _stringsSize = value; break;
                case TagGnuHash: _gnuHash = value; break;
                case TagFlags1: IsProgram = (value & FlagProgram) != 0; break;
                case TagName: (name, hasName) = (value, true); break;
                case TagRPath: (rpath, hasRPath) = (value, true); break;
                case TagRunPath: (runPath, hasRunPath) = (value, true); break;
                default: break;
            }
        }

        Needed = ImmutableCollectionsMarshal.AsImmutableArray(needed.ConvertAll(offset => ReadString(reader, offset)).ToArray());
        Name = hasName ? ReadString(reader, name) : null;
        RPath = hasRPath ? ReadString(reader, rpath) : null;
        RunPath = hasRunPath ? ReadString(reader, runPath) : null;
    }

    private string ReadString(ElfReader reader, ulong offset)
    {
        if (offset >= _stringsSize)
        {
            throw new ElfException(reader.Path, "is damaged: PT_DYNAMIC names a string outside its string table.");
        }

        ReadOnlySpan<byte> bytes = reader.Read(checked(OffsetOf(_strings, "DT_STRTAB") + offset), Math.Min(_stringsSize - offset, MaxStrings), "dynamic string table");
        var end = bytes.IndexOf((byte)0);
        return end >= 0 ? Encoding.UTF8.GetString(bytes[..end]) : throw new ElfException(reader.Path, "is damaged: a string of PT_DYNAMIC does not end.");
    }

    private ulong OffsetOf(ulong address, string what)
    {
        foreach (ref readonly var segment in _segments.AsSpan())
        {
            // Half the number space is more than any file; it keeps the sums that follow from wrapping.
            if (segment.IsLoad && segment.TryGetOffset(address, out var offset) && offset <= long.MaxValue)
            {
                return offset;
            }
        }

        throw new ElfException(_reader?.Path ?? string.Empty, $"is damaged: {what} ({address:#x}) is in no segment of the file.");
    }

    // DT_HASH: nbucket, nchain; there is one chain entry for each symbol.
    private ulong CountByHash(ElfReader reader) => _hash == 0
        ? throw new ElfException(reader.Path, "has neither section headers nor a hash table, so its dynamic symbols cannot be counted.")
        : reader.ReadRecords<uint>(OffsetOf(_hash, "DT_HASH"), 2, "DT_HASH")[1];

    // DT_GNU_HASH has no count: the last symbol is the end of the chain of the bucket which starts highest (its entry has the lowest bit set).
    private ulong CountByGnuHash(ElfReader reader)
    {
        const int ChunkLength = 1024;
        var start = OffsetOf(_gnuHash, "DT_GNU_HASH");
        var head = reader.ReadRecords<uint>(start, 4, "DT_GNU_HASH");
        ulong bucketCount = head[0], firstSymbol = head[1], bloomWords = head[2];
        var bucketStart = start + 16 + (bloomWords * 8);
        var last = 0u;
        foreach (var bucket in reader.ReadRecords<uint>(bucketStart, bucketCount, "DT_GNU_HASH"))
        {
            last = Math.Max(last, bucket);
        }

        if (last < firstSymbol)
        {
            return firstSymbol;
        }

        var chain = bucketStart + (bucketCount * 4) + ((last - firstSymbol) * 4);
        for (ulong index = last; ; index += ChunkLength, chain += ChunkLength * 4)
        {
            var available = chain < reader.Length ? Math.Min(ChunkLength, (reader.Length - chain) / 4) : 0;
            if (available == 0)
            {
                throw new ElfException(reader.Path, "is damaged or cut off: the last chain of DT_GNU_HASH does not end.");
            }

            var entries = reader.ReadRecords<uint>(chain, available, "DT_GNU_HASH");
            var end = Array.FindIndex(entries, static entry => (entry & 1) != 0);
            if (end >= 0)
            {
                return index + (ulong)end + 1;
            }
        }
    }
}
