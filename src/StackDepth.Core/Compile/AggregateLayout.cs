using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>
/// Where the parts of an aggregate lie in its value. Extremes are kept so that zeroed memory means "none" and updates only ever raise an unsigned number, on whichever CPU
/// and however preempted: <see cref="EncodeMaximum"/>. A minimum is the maximum of the complements.
/// </summary>
/// <param name="Parts">What is kept of each value.</param>
/// <param name="Values">How many values there are, one behind the other.</param>
/// <param name="BucketsOfHistogram">The buckets of a histogram that is not by powers of two.</param>
internal sealed record AggregateLayout(AggregateParts Parts, int Values = 1, IrBuckets? BucketsOfHistogram = null)
{
    /// <summary>The layout of what a query aggregates: several values where it is a tuple, unless they are only counted, all at once.</summary>
    internal static AggregateLayout Of(IrAggregate aggregate) =>
        new(aggregate.Parts, aggregate is { Value: IrTuple values, Parts: not AggregateParts.Count } ? values.Items.Length : 1, aggregate.Buckets);

    internal int Count => Offset(AggregateParts.Count);

    internal int Sum => Offset(AggregateParts.Sum);

    internal int Minimum => Offset(AggregateParts.Minimum);

    internal int Maximum => Offset(AggregateParts.Maximum);

    /// <summary>When the latest hit was, in nanoseconds, the lowest bit set; right behind it its value.</summary>
    internal int Last => Offset(AggregateParts.Last);

    internal int LastValue => Last + sizeof(long);

    internal int Histogram => Scalars * sizeof(long);

    internal IrBuckets Buckets => BucketsOfHistogram ?? IrBuckets.PowersOfTwo;

    internal int Size => Values * ValueSize;

    /// <summary>Of one value. The histogram is last, so that all else stays at small offsets.</summary>
    internal int ValueSize => Scalars * sizeof(long) + (Parts.HasFlag(AggregateParts.Histogram) ? Buckets.Count * sizeof(long) : 0);

    private int Scalars => int.PopCount((int)(Parts & ~AggregateParts.Histogram)) + (Parts.HasFlag(AggregateParts.Last) ? 1 : 0);

    /// <summary>The kernel's form of a maximum: the value with its order made unsigned, plus 1; 0 stands for none. The greatest value shares its form with the one below.</summary>
    internal static ulong EncodeMaximum(long value)
    {
        var ordered = (ulong)value ^ (1UL << 63);
        return ordered == ulong.MaxValue ? ordered : ordered + 1;
    }

    internal static long? DecodeMaximum(ulong encoded) => encoded == 0 ? null : (long)((encoded - 1) ^ (1UL << 63));

    internal static long? DecodeMinimum(ulong encoded) => ~DecodeMaximum(encoded);

    private int Offset(AggregateParts part) => int.PopCount((int)(Parts & ~AggregateParts.Histogram) & ((int)part - 1)) * sizeof(long);
}
