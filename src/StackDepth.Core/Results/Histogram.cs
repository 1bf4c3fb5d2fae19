using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth;

/// <summary>One bucket of a histogram: how many values lay from <paramref name="Low"/> to <paramref name="High"/>, both included.</summary>
public readonly record struct HistogramBucket(long Low, long High, long Count);

/// <summary>
/// A distribution, by powers of two (values below 0, 0, 1, 2 to 3, 4 to 7, and so on) or in equal steps with what lies below and above them. Empty buckets are left out at both ends.
/// </summary>
public sealed class Histogram
{
    internal Histogram(ReadOnlySpan<long> counts, IrBuckets? scheme = null)
    {
        scheme ??= IrBuckets.PowersOfTwo;
        var first = counts.IndexOfAnyExcept(0);
        if (first < 0)
        {
            Buckets = [];
            return;
        }
        var last = counts.LastIndexOfAnyExcept(0);
        var buckets = ImmutableArray.CreateBuilder<HistogramBucket>(last - first + 1);
        for (var index = first; index <= last; index++)
        {
            var (low, high) = scheme.Range(index);
            buckets.Add(new(low, high, counts[index]));
            Count += counts[index];
        }
        Buckets = buckets.MoveToImmutable();
    }

    /// <summary>The buckets, from the smallest values to the greatest, without gaps.</summary>
    public ImmutableArray<HistogramBucket> Buckets { get; }

    /// <summary>How many values there were.</summary>
    public long Count { get; }

    /// <summary>The buckets as <c>low..high: count</c>.</summary>
    public override string ToString() => string.Join(", ", Buckets.Select(b => b.Low == b.High ? $"{b.Low}: {b.Count}" : $"{b.Low}..{b.High}: {b.Count}"));
}
