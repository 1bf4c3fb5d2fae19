using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime.Threads;

/// <summary>The executable mappings of a process at a moment, and the rules of their files, which are looked for when a walk comes there.</summary>
internal sealed class ProcessCode
{
    private readonly MappingRecord[] _mappings;
    private readonly Place[] _places;
    private int _last;

    internal ProcessCode(MappingRecord[] mappings)
    {
        Array.Sort(mappings, static (a, b) => a.Start.CompareTo(b.Start));
        _mappings = mappings;
        _places = new Place[mappings.Length];
        Sequence = mappings[0].MemorySequence;
        HasOneSequence = Array.TrueForAll(mappings, mapping => mapping.MemorySequence == Sequence);
    }

    /// <summary>The number that counts the changes of the process's mappings.</summary>
    internal uint Sequence { get; }

    /// <summary>Whether no mapping changed while they were read.</summary>
    internal bool HasOneSequence { get; }

    /// <summary>Whether a walk came to a mapping that was not there any more.</summary>
    internal bool IsStale { get; private set; }

    internal static Dictionary<ulong, ProcessCode> ByMemory(IEnumerable<MappingRecord> mappings) =>
        mappings.GroupBy(static mapping => mapping.Memory).ToDictionary(static process => process.Key, static process => new ProcessCode([.. process]));

    internal StackReason FindRule(ulong address, ulong vdso, int threadId, FileTables tables, out UnwindRule rule)
    {
        rule = default;
        if (Find(address) is not (>= 0 and var index))
            return StackReason.UnmappedCode;
        ref readonly var mapping = ref _mappings[index];
        ref var place = ref _places[index];
        if (!place.IsKnown)
            place = mapping.HasFile != 0 ? tables.Find(mapping, threadId) : mapping.Start == vdso && vdso != 0 ? FileTables.Vdso : Place.NoTable;
        IsStale |= !place.IsKnown;
        if (place.Table is { } table)
            rule = table.Find(address - mapping.Start + (mapping.HasFile != 0 ? mapping.PageOffset << 12 : 0));
        return place.Reason;
    }

    private int Find(ulong address)
    {
        if (Contains(_last, address))
            return _last;
        var (from, to) = (0, _mappings.Length - 1);
        while (from <= to)
        {
            var middle = (from + to) >>> 1;
            if (Contains(middle, address))
                return _last = middle;
            if (_mappings[middle].Start > address)
                to = middle - 1;
            else
                from = middle + 1;
        }
        return -1;
    }

    private bool Contains(int index, ulong address) => address - _mappings[index].Start < _mappings[index].End - _mappings[index].Start;
}

/// <summary>What is known of the rules of a mapping's file.</summary>
internal readonly record struct Place(bool IsKnown, StackReason Reason, UnwindTable? Table)
{
    /// <summary>There is code, and no rows for it.</summary>
    internal static Place NoTable { get; } = new(true, StackReason.None, null);

    /// <summary>The mapping is gone: its file may be found by another one.</summary>
    internal static Place Gone { get; } = new(false, StackReason.TableUnusable, null);

    internal static Place Unusable { get; } = new(true, StackReason.TableUnusable, null);

    internal static Place Of(UnwindTable? table) => new(true, StackReason.None, table);
}
