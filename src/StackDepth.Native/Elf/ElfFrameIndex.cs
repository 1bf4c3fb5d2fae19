using System.Buffers.Binary;

namespace StackDepth.Native.Elf;

/// <summary>
/// The sorted index of functions that PT_GNU_EH_FRAME (.eh_frame_hdr) holds for unwinding. Stripped files keep it, so it tells where functions begin and end when no symbol does.
/// Each look-up reads a few bytes of the file; nothing is kept.
/// </summary>
internal sealed class ElfFrameIndex
{
    // Of the encodings that the format allows, linkers write these only: others count as no index.
    private const byte Version = 1;
    private const byte PcRelativeInt32 = 0x1b;
    private const byte UInt32 = 0x03;
    private const byte IndexRelativeInt32 = 0x3b;

    private const int HeaderSize = 12;
    private const int EntrySize = 8;

    private readonly ElfImage _image;
    private readonly ulong _address;
    private readonly ulong _table;
    private readonly uint _count;

    internal ElfFrameIndex(ElfImage image)
    {
        _image = image;
        Span<byte> header = stackalloc byte[HeaderSize];
        foreach (ref readonly var segment in image.Segments)
        {
            if (segment.Type == ElfConstants.SegmentFrameIndex && segment.FileSize >= HeaderSize && TryFill(segment.Offset, header)
                && header is [Version, PcRelativeInt32, UInt32, IndexRelativeInt32, ..])
            {
                _address = segment.Address;
                _table = segment.Offset + HeaderSize;
                _count = (uint)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(header[8..]), (segment.FileSize - HeaderSize) / EntrySize);
            }
        }
    }

    /// <summary>The range of code that holds a virtual address and was one function, or a part of one, to the compiler.</summary>
    internal bool TryFind(ulong address, out ulong start, out ulong end)
    {
        (start, end) = (0, 0);
        uint low = 0, high = _count;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (!TryReadEntry(middle, out var candidate, out _))
            {
                return false;
            }

            (low, high) = candidate <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && TryReadEntry(low - 1, out start, out var description) && TryReadLength(description, start, out var length)
            && (end = unchecked(start + length)) > address && start <= address;
    }

    private bool TryReadEntry(uint index, out ulong start, out ulong description)
    {
        Span<byte> entry = stackalloc byte[EntrySize];
        var read = TryFill(_table + ((ulong)index * EntrySize), entry);
        start = Relative(_address, entry);
        description = Relative(_address, entry[4..]);
        return read;
    }

    // An FDE: length, distance to its CIE, start, length of code. The CIE says how the start is encoded; that it gives the index's own start shows that it was read rightly.
    private bool TryReadLength(ulong description, ulong start, out ulong length)
    {
        const int startAt = 8;
        Span<byte> bytes = stackalloc byte[16];
        length = 0;
        foreach (ref readonly var segment in _image.Segments)
        {
            if (segment.IsLoad && segment.TryGetOffset(description, out var offset) && TryFill(offset, bytes)
                && Relative(unchecked(description + startAt), bytes[startAt..]) == start)
            {
                length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
                return true;
            }
        }

        return false;
    }

    private bool TryFill(ulong offset, Span<byte> bytes)
    {
        if (offset > _image.Length || (ulong)bytes.Length > _image.Length - offset)
        {
            return false;
        }

        _image.Fill(offset, bytes);
        return true;
    }

    private static ulong Relative(ulong from, ReadOnlySpan<byte> bytes) => unchecked(from + (ulong)BinaryPrimitives.ReadInt32LittleEndian(bytes));
}
