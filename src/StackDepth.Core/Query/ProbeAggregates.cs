using System.Numerics;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>Aggregates of a stream of numbers, computed in the kernel: only the result crosses into user space.</summary>
public static class ProbeAggregates
{
    extension<T>(ProbeStream<T> stream)
        where T : struct, INumber<T>
    {
        /// <summary>The greatest value; null when there was none.</summary>
        public ProbeExtremum<T> Max() => new(stream.Aggregate(AggregateParts.Maximum), stream.Extremum(maximum: true), maximum: true);

        /// <summary>The smallest value; null when there was none.</summary>
        public ProbeExtremum<T> Min() => new(stream.Aggregate(AggregateParts.Minimum), stream.Extremum(maximum: false), maximum: false);

        /// <summary>The sum of the values, in 64 bits; 0 when there was none.</summary>
        public ProbeQuery<long> Sum() => new(stream.Aggregate(AggregateParts.Sum), static snapshot => snapshot.Total.Sum);

        /// <summary>The arithmetic mean; null when there was no value.</summary>
        public ProbeQuery<double?> Average() => new(stream.Aggregate(AggregateParts.Count | AggregateParts.Sum), static snapshot => snapshot.Total.Mean);

        /// <summary>The distribution of the values by powers of two.</summary>
        public ProbeQuery<Histogram> Histogram() => new(stream.Aggregate(AggregateParts.Histogram), static snapshot => snapshot.Total.ToHistogram());

        /// <summary>Count, minimum, maximum and mean, in one pass.</summary>
        public ProbeQuery<Stats<T>> Stats() => new(stream.Aggregate(AggregateValue.StatsParts), static snapshot => snapshot.Total.ToStats<T>());

        /// <summary>The value of the latest hit; null when there was none. Of hits that are delivered at the same time on one CPU, either.</summary>
        public ProbeQuery<T?> Last() => new(stream.Aggregate(AggregateParts.Last), static snapshot => snapshot.Total.Last is { } last ? T.CreateTruncating(last) : null);

        /// <summary>The distribution of the values in equal steps: below <paramref name="min"/>, each step from there, and from <paramref name="max"/> up. At most 1,000 steps; the last one may be narrower.</summary>
        /// <param name="min">The least value of the first step.</param>
        /// <param name="max">The first value above the last step.</param>
        /// <param name="step">How many numbers a bucket has.</param>
        /// <exception cref="ProbeQueryException">The range is empty, or has too many steps.</exception>
        public ProbeQuery<Histogram> LinearHistogram(T min, T max, T step) => new(stream.Aggregate(AggregateParts.Histogram, AggregateValue.Linear(min, max, step)), static snapshot => snapshot.Total.ToHistogram());

        /// <summary>
        /// The value at or below which the share <paramref name="q"/> of all values lies (nearest rank); null when there was none. Exact for values from 0 to 2,047, so for all depths up to there; greater
        /// ones are within 1.6 %; all values below 0 count as the least of them. Takes up to 30 KiB of kernel memory on each CPU.
        /// </summary>
        /// <param name="q">The share, from 0 to 1: 0.5 for the median.</param>
        public ProbeQuery<T?> Quantile(double q)
        {
            AggregateValue.CheckShare(q);
            return new(stream.Aggregate(AggregateValue.QuantileParts, new IrFineBuckets(stream.FieldType != IrType.Int32)), snapshot => snapshot.Total.Quantile(q) is { } value ? T.CreateTruncating(value) : null);
        }

        /// <summary>Count, minimum, maximum, mean and histogram in one pass.</summary>
        public ProbeQuery<Summary<T>> Summary() => new(stream.Aggregate(AggregateValue.AllParts), AggregateSnapshot.Summary<T>);
    }

    extension<T>(ProbeStream<T> stream)
    {
        /// <summary>How many values there were: hits that passed the filters and whose value could be had.</summary>
        public ProbeQuery<long> Count() => new(stream.Aggregate(AggregateParts.Count), static snapshot => snapshot.Total.Count);
    }
}
