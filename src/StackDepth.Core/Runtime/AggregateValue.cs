using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Runtime;

/// <summary>An aggregate as read from the kernel, merged over the CPUs.</summary>
internal sealed class AggregateValue
{
    internal const AggregateParts AllParts = AggregateParts.Count | AggregateParts.Sum | AggregateParts.Minimum | AggregateParts.Maximum | AggregateParts.Histogram;

    internal const AggregateParts StatsParts = AggregateParts.Count | AggregateParts.Sum | AggregateParts.Minimum | AggregateParts.Maximum;

    internal const AggregateParts QuantileParts = AggregateParts.Minimum | AggregateParts.Maximum | AggregateParts.Histogram;

    private readonly long[]? _buckets;
    private readonly AggregateValue[] _others;
    private ulong _minimum;
    private ulong _maximum;
    private ulong _lastTime;
    private long _lastValue;

    internal AggregateValue(AggregateLayout layout)
    {
        Layout = layout;
        _others = new AggregateValue[layout.Values - 1];
        for (var index = 0; index < _others.Length; index++)
            _others[index] = new(layout with { Values = 1 });
        _buckets = layout.Parts.HasFlag(AggregateParts.Histogram) ? new long[layout.Buckets.Count] : null;
    }

    internal AggregateLayout Layout { get; }

    /// <summary>One of several values that are aggregated at once; the first of them is this.</summary>
    internal AggregateValue this[int index] => index == 0 ? this : _others[index - 1];

    internal long Count { get; private set; }

    internal long Sum { get; private set; }

    internal long? Minimum => AggregateLayout.DecodeMinimum(_minimum);

    internal long? Maximum => AggregateLayout.DecodeMaximum(_maximum);

    /// <summary>The value of the latest hit.</summary>
    internal long? Last => _lastTime == 0 ? null : _lastValue;

    internal double? Mean => Count == 0 ? null : (double)Sum / Count;

    /// <summary>Whether no hit has reached it yet: a group is made a moment before its first value is in.</summary>
    internal bool IsEmpty => Count == 0 && _minimum == 0 && _maximum == 0 && _lastTime == 0 && (_buckets is null || _buckets.AsSpan().IndexOfAnyExcept(0) < 0);

    /// <summary>Adds what one CPU has.</summary>
    internal void Merge(ReadOnlySpan<byte> value)
    {
        if (Layout.Parts.HasFlag(AggregateParts.Count))
            Count += BinaryPrimitives.ReadInt64LittleEndian(value[Layout.Count..]);
        if (Layout.Parts.HasFlag(AggregateParts.Sum))
            Sum += BinaryPrimitives.ReadInt64LittleEndian(value[Layout.Sum..]);
        if (Layout.Parts.HasFlag(AggregateParts.Minimum))
            _minimum = ulong.Max(_minimum, BinaryPrimitives.ReadUInt64LittleEndian(value[Layout.Minimum..]));
        if (Layout.Parts.HasFlag(AggregateParts.Maximum))
            _maximum = ulong.Max(_maximum, BinaryPrimitives.ReadUInt64LittleEndian(value[Layout.Maximum..]));
        if (Layout.Parts.HasFlag(AggregateParts.Last))
            MergeLast(BinaryPrimitives.ReadUInt64LittleEndian(value[Layout.Last..]), BinaryPrimitives.ReadInt64LittleEndian(value[Layout.LastValue..]));
        for (var bucket = 0; bucket < _buckets?.Length; bucket++)
            _buckets[bucket] += BinaryPrimitives.ReadInt64LittleEndian(value[(Layout.Histogram + (bucket * sizeof(long)))..]);
        for (var index = 0; index < _others.Length; index++)
            _others[index].Merge(value[((index + 1) * Layout.ValueSize)..]);
    }

    /// <summary>Adds another aggregate of the same layout.</summary>
    internal void Merge(AggregateValue other)
    {
        Count += other.Count;
        Sum += other.Sum;
        _minimum = ulong.Max(_minimum, other._minimum);
        _maximum = ulong.Max(_maximum, other._maximum);
        MergeLast(other._lastTime, other._lastValue);
        for (var bucket = 0; bucket < _buckets?.Length; bucket++)
            _buckets[bucket] += other._buckets![bucket];
        for (var index = 0; index < _others.Length; index++)
            _others[index].Merge(other._others[index]);
    }

    /// <summary>Forgets the extremes and the last value.</summary>
    internal void ClearExtremes()
    {
        (_minimum, _maximum, _lastTime, _lastValue) = (0, 0, 0, 0);
        foreach (var other in _others)
            other.ClearExtremes();
    }

    /// <summary>Adds the extremes and the last value that were taken of one CPU.</summary>
    internal void MergeExtremes(IEnumerable<(AggregateParts Part, int Value, int Offset)> words, ReadOnlySpan<byte> taken)
    {
        var time = 0UL;
        foreach (var (part, index, _) in words)
        {
            var value = this[index];
            var word = BinaryPrimitives.ReadUInt64LittleEndian(taken);
            taken = taken[sizeof(ulong)..];
            switch (part)
            {
                case AggregateParts.Minimum:
                    value._minimum = ulong.Max(value._minimum, word);
                    break;
                case AggregateParts.Maximum:
                    value._maximum = ulong.Max(value._maximum, word);
                    break;
                case AggregateParts.Last:
                    time = word;
                    break;
                default:
                    value.MergeLast(time, (long)word);
                    break;
            }
        }
    }

    /// <summary>What this has more than an earlier reading of the same; extremes and the last value are those of the part already (<see cref="Intervals"/>).</summary>
    internal AggregateValue Since(AggregateValue? earlier)
    {
        var difference = new AggregateValue(Layout);
        difference.Merge(this);
        if (earlier is not null)
            difference.Subtract(earlier);
        return difference;
    }

    private void Subtract(AggregateValue earlier)
    {
        Count -= earlier.Count;
        Sum -= earlier.Sum;
        for (var bucket = 0; bucket < _buckets?.Length; bucket++)
            _buckets[bucket] -= earlier._buckets![bucket];
        for (var index = 0; index < _others.Length; index++)
            _others[index].Subtract(earlier._others[index]);
    }

    internal Histogram ToHistogram() => new(_buckets, Layout.Buckets);

    /// <exception cref="ProbeQueryException">There can be no such buckets.</exception>
    internal static IrLinearBuckets Linear<T>(T min, T max, T step)
        where T : struct, INumber<T>
    {
        var (least, end, width) = (long.CreateSaturating(min), long.CreateSaturating(max), long.CreateSaturating(step));
        return IrLinearBuckets.Error(least, end, width) is { } error ? throw new ProbeQueryException(error) : new(least, end, width);
    }

    internal static void CheckShare(double q)
    {
        if (!(q is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(q), q, "A quantile is asked for by a share from 0 to 1: 0.5 for the median.");
    }

    internal Stats<T> ToStats<T>()
        where T : struct, INumber<T> =>
        new(Count, Minimum is { } minimum ? T.CreateTruncating(minimum) : null, Maximum is { } maximum ? T.CreateTruncating(maximum) : null, Mean);

    /// <summary>The value below or at which the share <paramref name="q"/> of all values lies: the middle of its bucket; null when there was none.</summary>
    internal long? Quantile(double q)
    {
        var total = 0L;
        foreach (var count in _buckets!)
            total += count;
        if (total == 0)
            return null;
        // A hit that is counted at this moment can have raised neither yet.
        var (minimum, maximum) = (Minimum ?? long.MinValue, Maximum ?? long.MaxValue);
        var rank = long.Clamp((long)Math.Ceiling(q * total), 1, total);
        var index = 0;
        for (var below = _buckets[0]; below < rank; below += _buckets[index])
            index++;
        var (low, high) = Layout.Buckets.Range(index);
        // All values below 0 are in one bucket: the least of them stands for them.
        // Not Math.Clamp: of the greatest value the maximum is kept as the one below, see AggregateLayout.EncodeMaximum.
        return index == 0 ? Minimum : long.Min(long.Max(low + ((high - low) / 2), minimum), maximum);
    }

    internal ImmutableArray<Summary<T>> ToSummaries<T>()
        where T : struct, INumber<T>
    {
        var summaries = new Summary<T>[Layout.Values];
        for (var index = 0; index < summaries.Length; index++)
            summaries[index] = this[index].ToSummary<T>();
        return ImmutableCollectionsMarshal.AsImmutableArray(summaries);
    }

    internal Summary<T> ToSummary<T>()
        where T : struct, INumber<T> =>
        new(Count, Minimum is { } minimum ? T.CreateTruncating(minimum) : null, Maximum is { } maximum ? T.CreateTruncating(maximum) : null, Mean, ToHistogram());

    private void MergeLast(ulong time, long value)
    {
        if (time > _lastTime)
            (_lastTime, _lastValue) = (time, value);
    }
}
