using System.Runtime.InteropServices;

namespace StackDepth.Native.Symbols;

/// <summary>Makes a <see cref="SymbolTable"/> of ranges that may overlap. Names of symbols that end up with no address of their own are not kept.</summary>
internal sealed class SymbolTableBuilder
{
    private readonly List<AddressRange> _ranges = [];

    internal delegate ReadOnlySpan<byte> NameReader(int symbol);

    internal int Count => _ranges.Count;

    /// <summary>Which of the added symbols each symbol of the built table is.</summary>
    internal IReadOnlyList<int> Kept { get; private set; } = [];

    /// <summary>Adds a symbol, which wins against those that were added before it.</summary>
    internal void Add(ulong start, ulong end) => _ranges.Add(new(start, end));

    /// <summary>Builds the table.</summary>
    /// <param name="nameOf">The names by the order in which the symbols were added.</param>
    /// <param name="mostNameBytes">The most that names may take together.</param>
    /// <param name="naming">How names become text.</param>
    /// <returns>Null when the names take more.</returns>
    internal SymbolTable? Build(NameReader nameOf, long mostNameBytes, SymbolNaming naming)
    {
        var index = RangeIndex.Build(CollectionsMarshal.AsSpan(_ranges));
        var numbers = new int[_ranges.Count];
        var kept = new List<int>(_ranges.Count);
        var length = 0L;
        foreach (var owner in index.Owners)
        {
            // The first piece of a symbol decides its number, so that names that are near in memory belong to code that is near.
            if (owner >= 0 && numbers[owner] == 0)
            {
                kept.Add(owner);
                numbers[owner] = kept.Count;
                length += nameOf(owner).Length;
            }
        }

        if (length > mostNameBytes)
        {
            return null;
        }

        Kept = kept;
        var starts = new ulong[kept.Count];
        var ends = new int[kept.Count];
        var names = GC.AllocateUninitializedArray<byte>((int)length);
        var end = 0;
        for (var i = 0; i < ends.Length; i++)
        {
            var name = nameOf(kept[i]);
            name.CopyTo(names.AsSpan(end));
            end += name.Length;
            ends[i] = end;
            starts[i] = _ranges[kept[i]].Start;
        }

        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i]--;
        }

        return new SymbolTable(index.Renumber(numbers), starts, ends, names, naming);
    }
}
