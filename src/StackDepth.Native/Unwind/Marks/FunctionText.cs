using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>Where functions lie in a file.</summary>
internal static class FunctionText
{
    private readonly record struct Function(ulong Start, ulong Size, byte Marks);

    /// <summary>The text of the functions that are meant; empty where the file has none of them.</summary>
    /// <param name="image">The file.</param>
    /// <param name="debug">Its separate debug file, where it is stripped and has one.</param>
    /// <param name="marksOf">The marks of a name without its version; 0 where it is not meant.</param>
    /// <param name="named">The file offsets at which functions with names begin.</param>
    /// <exception cref="ElfException">The file is damaged.</exception>
    internal static List<MarkedText> Find(ElfImage image, ElfImage? debug, MarksOfName marksOf, out HashSet<uint> named)
    {
        var found = new List<Function>();
        var starts = new List<ulong>();
        named = [];
        foreach (var table in (ReadOnlySpan<ElfSymbolTable>)[(debug ?? image).Symbols, image.DynamicSymbols])
        {
            var functions = table.Functions();
            while (functions.MoveNext())
            {
                ref readonly var symbol = ref functions.Symbol;
                if (!symbol.IsDefined || symbol.IsIndirectFunction)
                    continue;
                starts.Add(symbol.Value);
                if (marksOf(functions.Name) is > 0 and var marks)
                    found.Add(new(symbol.Value, symbol.Size, marks));
            }
        }
        if (found.Count == 0)
            return [];
        starts.Sort();
        foreach (var start in starts)
        {
            if (image.TryGetCodeOffset(start, out var offset) && offset <= uint.MaxValue)
                named.Add((uint)offset);
        }
        var text = new List<MarkedText>(found.Count);
        foreach (var function in found)
        {
            if (Place(image, function.Start, function.Size > 0 ? function.Size : ToNext(starts, function.Start), function.Marks) is { } place)
                text.Add(place);
        }
        return text;
    }

    /// <summary>A stretch of addresses as a stretch of the file, no further than its segment goes; null where that is no code.</summary>
    internal static MarkedText? Place(ElfImage image, ulong address, ulong length, byte marks)
    {
        foreach (ref readonly var segment in image.CodeSegments)
        {
            if (!segment.TryGetOffset(address, out var offset))
                continue;
            var end = ulong.Min(offset + ulong.Min(length, segment.FileSize), segment.Offset + segment.FileSize);
            return length > 0 && end <= uint.MaxValue && offset < end ? new((uint)offset, (uint)end, marks) : null;
        }
        return null;
    }

    // Assembly code often leaves the size out: such a function goes on to the next one.
    private static ulong ToNext(List<ulong> starts, ulong start)
    {
        var index = starts.BinarySearch(start);
        while (index < starts.Count && starts[index] == start)
            index++;
        return index < starts.Count ? starts[index] - start : ulong.MaxValue / 2;
    }
}

/// <summary>The marks of a symbol's name without its version.</summary>
internal delegate byte MarksOfName(ReadOnlySpan<byte> name);
