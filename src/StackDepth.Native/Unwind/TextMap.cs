using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The executable ranges of a file: where virtual addresses are in it. Offsets in the text count from the file offset of its first page of 256 bytes.
/// </summary>
internal sealed class TextMap
{
    private readonly Range[] _ranges;
    private int _last;

    /// <exception cref="ElfException">The text is larger than <see cref="UnwindTable.MaxText"/>.</exception>
    internal TextMap(string path, ReadOnlySpan<ElfSegment> segments, ulong fileLength)
    {
        var ranges = new List<Range>();
        ulong first = ulong.MaxValue, end = 0;
        foreach (ref readonly var segment in segments)
        {
            if (segment.IsCode && segment.Offset < fileLength && segment.FileSize > 0)
            {
                // The kernel refuses to load a segment that wraps around the end of the address space.
                var length = Math.Min(Math.Min(segment.FileSize, fileLength - segment.Offset), ulong.MaxValue - segment.Address);
                ranges.Add(new(segment.Address, segment.Offset, length));
                first = Math.Min(first, segment.Offset);
                end = Math.Max(end, segment.Offset + length);
            }
        }

        _ranges = [.. ranges];
        if (_ranges.Length == 0)
        {
            return;
        }

        if (first >> UnwindTable.PageBits > uint.MaxValue)
        {
            throw new ElfException(path, $"has its first executable byte at {first}; page numbers of unwind tables end before that.");
        }

        FirstPage = (uint)(first >> UnwindTable.PageBits);
        Start = (ulong)FirstPage << UnwindTable.PageBits;
        if (end - Start > UnwindTable.MaxText)
        {
            throw new ElfException(path, $"has {end - Start} bytes from its first to its last executable byte; unwind tables are made for up to {UnwindTable.MaxText}.");
        }

        Length = (uint)(end - Start);
    }

    /// <summary>File offset >> 8 of the first page.</summary>
    internal uint FirstPage { get; }

    /// <summary>The file offset of the first page.</summary>
    internal ulong Start { get; }

    /// <summary>Bytes from <see cref="Start"/> to the end of the last executable range.</summary>
    internal uint Length { get; }

    internal int PageCount => (int)(((ulong)Length + (1 << UnwindTable.PageBits) - 1) >> UnwindTable.PageBits);

    internal ReadOnlySpan<Range> Ranges => _ranges;

    /// <summary>Where a range of addresses lies in the text; <paramref name="length"/> is cut at the end of the executable range that holds the address.</summary>
    internal bool TryMap(ulong address, ref ulong length, out uint offset)
    {
        for (var i = 0; i < _ranges.Length; i++)
        {
            ref readonly var range = ref _ranges[_last];
            var delta = unchecked(address - range.Address);
            if (delta < range.Length)
            {
                length = Math.Min(length, range.Length - delta);
                offset = (uint)(range.Offset + delta - Start);
                return true;
            }

            _last = _last + 1 < _ranges.Length ? _last + 1 : 0;
        }

        offset = 0;
        return false;
    }

    /// <summary>An executable range: its virtual address, its place in the file, its bytes.</summary>
    internal readonly record struct Range(ulong Address, ulong Offset, ulong Length);
}
