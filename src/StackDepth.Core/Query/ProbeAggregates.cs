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

        /// <summary>Count, minimum, maximum, mean and histogram in one pass.</summary>
        public ProbeQuery<Summary<T>> Summary() => new(stream.Aggregate(AggregateValue.AllParts), AggregateSnapshot.Summary<T>);
    }

    extension<T>(ProbeStream<T> stream)
    {
        /// <summary>How many values there were: hits that passed the filters and whose value could be had.</summary>
        public ProbeQuery<long> Count() => new(stream.Aggregate(AggregateParts.Count), static snapshot => snapshot.Total.Count);
    }
}
