using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance.Buffers;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Load;
using StackDepth.Symbols;

namespace StackDepth.Runtime;

/// <summary>Reads counters and aggregates out of the maps, over all CPUs.</summary>
internal static class ResultReader
{
    internal static ProbeHealth Health(BpfMap results, BpfMap? unset, long recursionMisses)
    {
        using var value = ReadFirst(results);
        return new(
            Sum(results, value.Span, HealthCounter.Hits),
            Sum(results, value.Span, HealthCounter.Busy) + recursionMisses,
            Sum(results, value.Span, HealthCounter.Dropped),
            Sum(results, value.Span, HealthCounter.KeysLost),
            Sum(results, value.Span, HealthCounter.StackErrors),
            Sum(results, value.Span, HealthCounter.Complete),
            Sum(results, value.Span, HealthCounter.Truncated),
            Sum(results, value.Span, HealthCounter.Broken),
            Sum(results, value.Span, HealthCounter.Approximate))
        {
            ReadErrors = Sum(results, value.Span, HealthCounter.ReadErrors),
            Undecided = Sum(results, value.Span, HealthCounter.Undecided),
            Unset = unset is null ? 0 : SumFirst(unset),
            Reasons = Reasons(results, value.Span),
        };
    }

    /// <summary>The result as it stands; what <paramref name="taking"/> takes out of the kernel begins anew.</summary>
    internal static AggregateSnapshot Aggregates(KernelMaps maps, CompiledQuery query, SiteTable sites, FrameNames? names, Intervals? taking = null)
    {
        var snapshot = Aggregates(maps, query.Aggregate, query.Key, sites);
        if (taking?.Extremes is { } extremes)
            snapshot.Take(extremes);
        return query.Kept switch
        {
            null => snapshot,
            { Key: { } key } layout => snapshot.With(Groups(layout, key), key),
            var layout => snapshot.With(KeptHits.Read(maps, layout, sites, names!, taking?.Kept)),
        };

        ImmutableArray<KeptGroup> Groups(KeptLayout layout, EventLayout key)
        {
            var groups = KeptHits.ReadGroups(maps, layout, sites, names!, taking?.Kept);
            NameStacks(groups.Select(static group => group.Key), key, sites);
            return groups;
        }
    }

    private static AggregateSnapshot Aggregates(KernelMaps maps, AggregateLayout? layout, EventLayout? key, SiteTable sites)
    {
        var results = maps[MapNames.Results];
        using var value = ReadFirst(results);
        var hits = Sum(results, value.Span, HealthCounter.Hits);
        if (layout is null)
            return new(hits, null, [], sites);
        if (key is not null)
        {
            var groups = Groups(maps[MapNames.Groups], layout);
            NameStacks(groups.Select(static group => group.Key), key, sites);
            return new(hits, null, groups, sites) { KeyLayout = key };
        }
        var total = new AggregateValue(layout);
        for (var cpu = 0; cpu < results.PossibleCpus; cpu++)
            total.Merge(results.CpuValue(value.Span, cpu)[ResultLayout.AggregateOffset..]);
        return new(hits, total, [], sites);
    }

    /// <summary>Has the table of stacks remember those of the keys: the maps may be gone when the keys are decoded.</summary>
    private static void NameStacks(IEnumerable<byte[]> keys, EventLayout key, SiteTable sites)
    {
        for (var field = 0; field < key.Fields.Length; field++)
        {
            if (key.Fields[field] != IrType.Stack)
                continue;
            foreach (var bytes in keys)
                _ = sites.Stacks![BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(key.Offsets[field]))];
        }
    }

    private static StackReasonCounts Reasons(BpfMap results, ReadOnlySpan<byte> values)
    {
        var counts = new List<(StackReason Reason, long Count)>();
        foreach (var reason in StackReasons.All)
            counts.Add((reason, Sum(results, values, ResultLayout.Counter(reason))));
        return new(CollectionsMarshal.AsSpan(counts));
    }

    private static List<(byte[] Key, AggregateValue Value)> Groups(BpfMap map, AggregateLayout layout)
    {
        List<(byte[] Key, AggregateValue Value)> groups = [];
        map.ReadAll((key, values) =>
        {
            var merged = new AggregateValue(layout);
            for (var cpu = 0; cpu < map.PossibleCpus; cpu++)
                merged.Merge(map.CpuValue(values, cpu));
            groups.Add((key.ToArray(), merged));
        });
        return groups;
    }

    private static long Sum(BpfMap results, ReadOnlySpan<byte> values, HealthCounter counter)
    {
        var sum = 0L;
        for (var cpu = 0; cpu < results.PossibleCpus; cpu++)
            sum += BinaryPrimitives.ReadInt64LittleEndian(results.CpuValue(values, cpu)[ResultLayout.Offset(counter)..]);
        return sum;
    }

    /// <summary>The sum of the first word over all CPUs.</summary>
    private static long SumFirst(BpfMap map)
    {
        using var value = ReadFirst(map);
        var sum = 0L;
        for (var cpu = 0; cpu < map.PossibleCpus; cpu++)
            sum += BinaryPrimitives.ReadInt64LittleEndian(map.CpuValue(value.Span, cpu));
        return sum;
    }

    private static SpanOwner<byte> ReadFirst(BpfMap map)
    {
        var value = SpanOwner<byte>.Allocate(map.ValueStride);
        return map.TryLookup(MemoryMarshal.AsBytes([0]), value.Span)
            ? value
            : throw new InvalidOperationException($"The map {map.Spec.Name} has no first element. Please report this.");
    }
}
