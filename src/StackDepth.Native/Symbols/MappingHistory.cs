namespace StackDepth.Native.Symbols;

/// <summary>The executable mappings of a program in one process, and when each was made. What is unmapped stays known until something else is mapped there. Not thread-safe.</summary>
internal sealed class MappingHistory
{
    // Beyond these the times of the older ones are forgotten.
    private const int MostTimed = 4096;

    private readonly List<(long Time, MappedRegion Region)> _timed = [];
    private IReadOnlyList<MappedRegion> _first;
    private IReadOnlyList<MappedRegion>? _now;

    internal MappingHistory(IReadOnlyList<MappedRegion> first) => _first = first;

    /// <summary>Changes with each mapping.</summary>
    internal int Version { get; private set; }

    /// <summary>What is mapped after all that was told. Immutable.</summary>
    internal IReadOnlyList<MappedRegion> Now => _now ??= At(long.MaxValue);

    /// <summary>Takes note of a mapping, whose place is by its time.</summary>
    internal void Add(long time, MappedRegion region)
    {
        var at = _timed.Count;
        while (at > 0 && _timed[at - 1].Time > time)
        {
            at--;
        }

        _timed.Insert(at, (time, region));
        _now = null;
        Version++;
        if (_timed.Count >= MostTimed)
        {
            _first = At(long.MaxValue);
            _timed.Clear();
            if (_first.Count > MapsReader.MostRegions)
            {
                _first = [];
            }
        }
    }

    /// <summary>What the process was seen to have mapped at a time.</summary>
    /// <param name="time">The time; 0: ever since.</param>
    /// <param name="regions">In order, without overlaps.</param>
    internal void AddAll(long time, IReadOnlyList<MappedRegion> regions)
    {
        if (time == 0)
        {
            _first = RegionMerge.Merge(_first, regions);
            _now = null;
            Version++;
            return;
        }

        foreach (var region in regions)
        {
            Add(time, region);
        }
    }

    /// <summary>What was mapped at a time.</summary>
    internal IReadOnlyList<MappedRegion> At(long time)
    {
        var until = _timed.FindIndex(mapping => mapping.Time > time);
        var later = _timed[..(until < 0 ? _timed.Count : until)].ConvertAll(static mapping => mapping.Region);
        return RegionMerge.Merge(_first, RegionMerge.Flatten(later.ToArray()));
    }

    /// <summary>Whether something was mapped at one of some addresses after a time.</summary>
    internal bool HasChangedSince(long time, ReadOnlySpan<ulong> addresses)
    {
        var from = _timed.FindIndex(mapping => mapping.Time > time);
        if (from < 0)
        {
            return false;
        }

        var later = RegionMerge.Flatten(_timed[from..].ConvertAll(static mapping => mapping.Region).ToArray());
        ulong[] starts = [.. later.Select(static region => region.Start)];
        foreach (var address in addresses)
        {
            // Return addresses are looked up at the byte before.
            if (RangeIndex.LastAtMost(starts, address) is >= 0 and var at && address - (address == 0 ? 0UL : 1UL) < later[at].End)
            {
                return true;
            }
        }

        return false;
    }
}
