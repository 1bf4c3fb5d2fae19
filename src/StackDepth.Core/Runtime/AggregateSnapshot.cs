using System.Collections.Immutable;
using System.Numerics;
using StackDepth.Compile;
using StackDepth.Native.Load;

namespace StackDepth.Runtime;

/// <summary>The aggregates of a query at one moment: one in total, or one per key.</summary>
internal sealed class AggregateSnapshot
{
    private readonly AggregateValue? _total;
    private readonly IReadOnlyList<(byte[] Key, AggregateValue Value)> _groups;
    private readonly SiteTable _sites;
    private ImmutableArray<KeptHit> _kept = [];
    private ImmutableArray<KeptGroup> _keptGroups = [];
    private EventLayout? _keptKey;

    internal AggregateSnapshot(long hits, AggregateValue? total, IReadOnlyList<(byte[] Key, AggregateValue Value)> groups, SiteTable sites)
    {
        Hits = hits;
        _total = total;
        _groups = groups;
        _sites = sites;
    }

    internal long Hits { get; }

    /// <summary>The result of the time from <paramref name="earlier"/> to this, of a query whose sink is additive.</summary>
    internal AggregateSnapshot Since(AggregateSnapshot? earlier)
    {
        if (earlier is null)
            return this;
        var before = earlier._groups.ToDictionary(static group => group.Key, static group => group.Value, ByteKeyComparer.Instance);
        return new(Hits - earlier.Hits, _total?.Since(earlier._total), [.. _groups.Select(group => (group.Key, group.Value.Since(before.GetValueOrDefault(group.Key))))], _sites)
        {
            KeyLayout = KeyLayout,
            _kept = _kept,
            _keptGroups = _keptGroups,
            _keptKey = _keptKey,
        };
    }

    /// <summary>Replaces the extremes and last values by those that are taken out of the kernel.</summary>
    internal void Take(ExtremeIntervals intervals)
    {
        if (_total is not null)
            intervals.Take(stackalloc byte[sizeof(int)], _total);
        foreach (var (key, value) in _groups)
            intervals.Take(key, value);
    }

    /// <summary>The same, without what is taken out of the kernel: extremes, last values and kept hits.</summary>
    internal AggregateSnapshot Taken()
    {
        return new(Hits, Copy(_total), [.. _groups.Select(static group => (group.Key, Copy(group.Value)!))], _sites) { KeyLayout = KeyLayout };

        static AggregateValue? Copy(AggregateValue? value)
        {
            var copy = value?.Since(null);
            copy?.ClearExtremes();
            return copy;
        }
    }

    /// <summary>The layout of the keys; null where its texts are comms.</summary>
    internal EventLayout? KeyLayout { get; init; }

    /// <summary>The same, with the hits that were kept, the best first.</summary>
    internal AggregateSnapshot With(ImmutableArray<KeptHit> kept)
    {
        var copy = Copy();
        copy._kept = kept;
        return copy;
    }

    /// <summary>The same, with the hits that were kept of each key.</summary>
    internal AggregateSnapshot With(ImmutableArray<KeptGroup> kept, EventLayout key)
    {
        var copy = Copy();
        (copy._keptGroups, copy._keptKey) = (kept, key);
        return copy;
    }

    internal ImmutableArray<RecordHolder<T>> Records<T>()
        where T : struct, INumber<T> => Records<T>(_kept);

    /// <summary>The hits that were kept of each key, the best first.</summary>
    internal ProbeTable<TKey, TValue> RecordTable<TKey, TNumber, TValue>(EventDecoder<TKey> decode, int count, bool maximum, Func<ImmutableArray<RecordHolder<TNumber>>, TValue> select)
        where TKey : notnull
        where TNumber : struct, INumber<TNumber>
    {
        Dictionary<TKey, ImmutableArray<KeptHit>> merged = [];
        foreach (var (bytes, hits) in _keptGroups)
        {
            if (hits.IsEmpty)
                continue;
            var reader = new EventReader(bytes, _sites, _keptKey);
            var key = decode(ref reader);
            // See ToTable.
            var all = merged.TryGetValue(key, out var others) ? others.AddRange(hits) : hits;
            merged[key] = [.. (maximum ? all.OrderByDescending(static hit => hit.Value) : all.OrderBy(static hit => hit.Value)).Take(count)];
        }
        return new(merged.ToImmutableDictionary(static pair => pair.Key, pair => select(Records<TNumber>(pair.Value))));
    }

    private static ImmutableArray<RecordHolder<T>> Records<T>(ImmutableArray<KeptHit> hits)
        where T : struct, INumber<T> =>
        [.. hits.Select(static hit => new RecordHolder<T>(T.CreateTruncating(hit.Value), hit.ProcessId, hit.ThreadId, hit.Comm, hit.Function, hit.Stack))];

    private AggregateSnapshot Copy() => new(Hits, _total, _groups, _sites) { KeyLayout = KeyLayout, _kept = _kept, _keptGroups = _keptGroups, _keptKey = _keptKey };

    internal AggregateValue Total => _total ?? throw new InvalidOperationException("This query keeps no total: it is grouped, or counts hits only.");

    internal static Summary<T> Summary<T>(AggregateSnapshot snapshot)
        where T : struct, INumber<T> => snapshot.Total.ToSummary<T>();

    internal ProbeTable<TKey, TValue> ToTable<TKey, TValue>(Func<AggregateValue, TValue> select)
        where TKey : notnull => ToTable(EventReader.One<TKey>, select);

    internal ProbeTable<TKey, TValue> ToTable<TKey, TValue>(EventDecoder<TKey> decode, Func<AggregateValue, TValue> select)
        where TKey : notnull
    {
        Dictionary<TKey, AggregateValue> merged = [];
        foreach (var (bytes, value) in _groups)
        {
            if (value.IsEmpty)
                continue;
            var reader = new EventReader(bytes, _sites, KeyLayout);
            var key = decode(ref reader);
            // Names that are no UTF-8 can differ in bytes that look the same once decoded: they are one group then, of all their hits.
            if (!merged.TryGetValue(key, out var group))
                merged.Add(key, group = new AggregateValue(value.Layout));
            group.Merge(value);
        }
        return new(merged.ToImmutableDictionary(static pair => pair.Key, pair => select(pair.Value)));
    }
}
