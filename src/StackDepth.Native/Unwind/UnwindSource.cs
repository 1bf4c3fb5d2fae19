using System.Buffers.Binary;
using System.IO.Compression;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>What a table is made from: the call-frame information of a file, and where its text is.</summary>
internal sealed class UnwindSource
{
    // Of the largest programs there are (browsers, debug builds of compilers) it is some 50 MB.
    private const ulong MaxSection = 128UL << 20;

    private const int FrameIndexHeader = 12;
    private const ulong FlagCompressed = 1 << 11;

    /// <summary>.eh_frame first.</summary>
    internal required IReadOnlyList<CfiBytes> Sections { get; init; }

    internal required TextMap Text { get; init; }

    internal required ulong FileLength { get; init; }

    internal required byte[]? BuildId { get; init; }

    /// <summary>A .debug_frame beside .eh_frame cannot be read: its functions have no rows.</summary>
    internal bool IsDamaged { get; init; }

    /// <summary>Reads the call-frame information of an x86-64 file.</summary>
    /// <exception cref="ElfException">It is damaged, of another kind of machine, or too large.</exception>
    internal static UnwindSource Read(ElfImage image)
    {
        var text = new TextMap(image.Path, image.Segments, image.Length);
        var sections = new List<CfiBytes>(2);
        var buildId = AddSections(image, sections, out var isDamaged);
        if (!sections.Exists(static s => !s.IsDebugFrame) && FindByIndex(image.Path, image.Segments, image.Length, (offset, length) => image.Read(offset, length, ".eh_frame")) is { } indexed)
        {
            sections.Insert(0, indexed);
        }

        return new() { Sections = sections, Text = text, FileLength = image.Length, BuildId = buildId is [] ? null : buildId, IsDamaged = isDamaged };
    }

    private static byte[] AddSections(ElfImage image, List<CfiBytes> sections, out bool isDamaged)
    {
        isDamaged = false;
        bool hasFrames, hasDebugFrames;
        ElfSection frames, debugFrames;
        byte[] buildId;
        try
        {
            buildId = image.BuildId.ToArray();
            hasFrames = image.TryGetSection(".eh_frame"u8, out frames);
            hasDebugFrames = image.TryGetSection(".debug_frame"u8, out debugFrames);
        }
        catch (ElfException)
        {
            // Tools that shrink programs leave headers of sections that are gone; the program runs all the same, and has its PT_GNU_EH_FRAME.
            return [];
        }

        if (hasFrames)
        {
            AddSection(image, frames, isDebugFrame: false, sections);
        }

        if (hasDebugFrames)
        {
            try
            {
                AddSection(image, debugFrames, isDebugFrame: true, sections);
            }
            catch (ElfException) when (sections.Count > 0)
            {
                isDamaged = true;
            }
        }

        return buildId;
    }

    private static void AddSection(ElfImage image, in ElfSection section, bool isDebugFrame, List<CfiBytes> sections)
    {
        if (section.Type == ElfConstants.SectionNoBits || section.Size == 0)
        {
            return;
        }

        CheckLength(image.Path, section.Size);
        var bytes = image.ReadSection(section);
        if ((section.Flags & FlagCompressed) != 0)
        {
            bytes = Decompress(image, bytes);
        }

        sections.Add(new(bytes, isDebugFrame ? 0 : section.Address, isDebugFrame, EndsAtTerminator: false));
    }

    private static void CheckLength(string path, ulong length)
    {
        if (length > MaxSection)
        {
            throw new ElfException(path, $"claims {length} bytes of call-frame information; up to {MaxSection} are read.");
        }
    }

    // Elf64_Chdr: type, reserved, size, alignment. Go's linker compresses .debug_frame, which is all the call-frame information that its programs have.
    private static byte[] Decompress(ElfImage image, byte[] bytes)
    {
        const int header = 24;
        const uint typeZlib = 1;
        if (bytes.Length < header || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != typeZlib)
        {
            throw new ElfException(image.Path, "has call-frame information in a compressed form other than zlib's.");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8));
        CheckLength(image.Path, length);

        // zlib does not compress by more than about 1,000.
        if (length / 2048 > (ulong)bytes.Length)
        {
            throw new ElfException(image.Path, $"is damaged: {bytes.Length} compressed bytes claim to be {length}.");
        }

        var result = new byte[length];
        try
        {
            using var stream = new ZLibStream(new MemoryStream(bytes, header, bytes.Length - header), CompressionMode.Decompress);
            stream.ReadExactly(result);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new ElfException(image.Path, "is damaged: its compressed call-frame information cannot be read.", e);
        }

        return result;
    }

    // PT_GNU_EH_FRAME: version, encoding of the pointer to .eh_frame, two more encodings, the pointer. How long .eh_frame is, only its terminator tells.
    internal static CfiBytes? FindByIndex(string path, ReadOnlySpan<ElfSegment> segments, ulong fileLength, Func<ulong, ulong, byte[]> read)
    {
        foreach (ref readonly var segment in segments)
        {
            if (segment.Type == ElfConstants.SegmentFrameIndex && segment.FileSize >= FrameIndexHeader
                && segment.Offset < fileLength && fileLength - segment.Offset >= FrameIndexHeader
                && TryGetFrames(read(segment.Offset, FrameIndexHeader), segment.Address, out var address))
            {
                return FindLoaded(path, segments, fileLength, address, read);
            }
        }

        return null;
    }

    private static bool TryGetFrames(ReadOnlySpan<byte> header, ulong headerAddress, out ulong address)
    {
        const byte version = 1;
        var reader = new CfiReader(header, 4);
        address = 0;
        if (header[0] != version || !PointerEncoding.IsKnown(header[1]))
        {
            return false;
        }

        address = PointerEncoding.Read(ref reader, header[1], headerAddress);
        return !reader.Failed;
    }

    private static CfiBytes? FindLoaded(string path, ReadOnlySpan<ElfSegment> segments, ulong fileLength, ulong address, Func<ulong, ulong, byte[]> read)
    {
        foreach (ref readonly var segment in segments)
        {
            if (segment.IsLoad && segment.TryGetOffset(address, out var offset) && offset < fileLength)
            {
                var length = Math.Min(segment.FileSize - (address - segment.Address), fileLength - offset);
                CheckLength(path, length);
                return new(read(offset, length), address, IsDebugFrame: false, EndsAtTerminator: true);
            }
        }

        return null;
    }

    /// <summary>A hash of all that the rows are made from. The text itself is not: no row depends on it.</summary>
    internal byte[] ComputeKey()
    {
        var hash = new Blake2b();
        hash.Append(FileLength);
        hash.Append((ulong)(BuildId?.Length ?? 0));
        hash.Append(BuildId);
        hash.Append((ulong)Text.Ranges.Length);
        foreach (var range in Text.Ranges)
        {
            hash.Append(range.Address);
            hash.Append(range.Offset);
            hash.Append(range.Length);
        }

        foreach (var section in Sections)
        {
            hash.Append(section.Address);
            hash.Append((section.IsDebugFrame ? 1UL : 0) | (section.EndsAtTerminator ? 2UL : 0));
            hash.Append((ulong)section.Bytes.Length);
            hash.Append(section.Bytes);
        }

        var key = new byte[Blake2b.HashSize];
        hash.Finish(key);
        return key;
    }
}
