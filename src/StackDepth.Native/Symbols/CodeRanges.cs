using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>Where a file's code is, as virtual addresses: its executable sections, or the executable segments of a file without section headers.</summary>
internal sealed class CodeRanges
{
    private readonly ulong[] _starts;
    private readonly ulong[] _ends;

    private CodeRanges(List<AddressRange> ranges)
    {
        ranges.Sort(static (a, b) => a.Start.CompareTo(b.Start));
        _starts = [.. ranges.Select(static range => range.Start)];
        _ends = [.. ranges.Select(static range => range.End)];
    }

    internal static CodeRanges Of(ElfImage image)
    {
        var ranges = new List<AddressRange>();
        foreach (ref readonly var section in image.Sections)
        {
            if ((section.Flags & ElfConstants.SectionFlagExecute) != 0)
            {
                Add(ranges, section.Address, section.Size);
            }
        }

        if (ranges.Count == 0)
        {
            foreach (ref readonly var segment in image.CodeSegments)
            {
                Add(ranges, segment.Address, segment.FileSize);
            }
        }

        return new CodeRanges(ranges);
    }

    /// <summary>The end of the range that an address lies in; 0 when it lies in none.</summary>
    internal ulong EndOf(ulong address)
    {
        var at = RangeIndex.LastAtMost(_starts, address);
        return at >= 0 && address < _ends[at] ? _ends[at] : 0;
    }

    private static void Add(List<AddressRange> ranges, ulong start, ulong size)
    {
        if (size > 0 && size <= ulong.MaxValue - start)
        {
            ranges.Add(new(start, start + size));
        }
    }
}
