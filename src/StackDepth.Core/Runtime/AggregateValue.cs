using System.Buffers.Binary;
using System.Numerics;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Runtime;

/// <summary>An aggregate as read from the kernel, merged over the CPUs.</summary>
internal sealed class AggregateValue
{
    internal const AggregateParts AllParts = AggregateParts.Count | AggregateParts.Sum | AggregateParts.Minimum | AggregateParts.Maximum | AggregateParts.Histogram;

    private readonly AggregateParts _parts;
    private readonly long[]? _buckets;
    private ulong _minimum;
    private ulong _maximum;

    internal AggregateValue(AggregateLayout layout)
    {
        _parts = layout.Parts;
        _buckets = layout.Parts.HasFlag(AggregateParts.Histogram) ? new long[StackDepth.Histogram.KernelBuckets] : null;
    }

    internal long Count { get; private set; }

    internal long Sum { get; private set; }

    internal long? Minimum => AggregateLayout.DecodeMinimum(_minimum);

    internal long? Maximum => AggregateLayout.DecodeMaximum(_maximum);

    internal double? Mean => Count == 0 ? null : (double)Sum / Count;

    /// <summary>Whether no hit has reached it yet: a group is made a moment before its first value is in.</summary>
    internal bool IsEmpty => Count == 0 && _minimum == 0 && _maximum == 0 && (_buckets is null || _buckets.AsSpan().IndexOfAnyExcept(0) < 0);

    /// <summary>Adds what one CPU has.</summary>
    internal void Merge(AggregateLayout layout, ReadOnlySpan<byte> value)
    {
        if (_parts.HasFlag(AggregateParts.Count))
            Count += BinaryPrimitives.ReadInt64LittleEndian(value[layout.Count..]);
        if (_parts.HasFlag(AggregateParts.Sum))
            Sum += BinaryPrimitives.ReadInt64LittleEndian(value[layout.Sum..]);
        if (_parts.HasFlag(AggregateParts.Minimum))
            _minimum = ulong.Max(_minimum, BinaryPrimitives.ReadUInt64LittleEndian(value[layout.Minimum..]));
        if (_parts.HasFlag(AggregateParts.Maximum))
            _maximum = ulong.Max(_maximum, BinaryPrimitives.ReadUInt64LittleEndian(value[layout.Maximum..]));
        for (var bucket = 0; bucket < _buckets?.Length; bucket++)
            _buckets[bucket] += BinaryPrimitives.ReadInt64LittleEndian(value[(layout.Histogram + (bucket * sizeof(long)))..]);
    }

    internal Histogram ToHistogram() => new(_buckets);

    internal Summary<T> ToSummary<T>()
        where T : struct, INumber<T> =>
        new(Count, Minimum is { } minimum ? T.CreateTruncating(minimum) : null, Maximum is { } maximum ? T.CreateTruncating(maximum) : null, Mean, ToHistogram());
}
