using System.Collections.Immutable;
using System.Numerics;

namespace StackDepth.Tool.Running;

/// <summary>The depths of a number of stacks.</summary>
internal sealed record DepthSummary(long Count, long? Min, long? Max, double? Mean, ImmutableArray<HistogramBucket> Histogram)
{
    internal static DepthSummary Of(Summary<long> summary) => new(summary.Count, summary.Min, summary.Max, summary.Mean, summary.Histogram.Buckets);

    /// <summary>All groups together.</summary>
    internal static DepthSummary Of(IEnumerable<DepthSummary> groups)
    {
        long count = 0;
        double sum = 0;
        long? min = null, max = null;
        var counts = new long[64]; // by the bit length of a bucket's lower end: none of the values is ever negative
        foreach (var group in groups)
        {
            count += group.Count;
            sum += group.Mean is { } mean ? Math.Round(mean * group.Count) : 0; // the sum of whole numbers, as the kernel had it
            min = min is null || group.Min < min ? group.Min : min;
            max = max is null || group.Max > max ? group.Max : max;
            foreach (var bucket in group.Histogram)
                counts[BitLength(bucket.Low)] += bucket.Count;
        }
        return new(count, min, max, count > 0 ? sum / count : null, Buckets(counts));
    }

    private static ImmutableArray<HistogramBucket> Buckets(long[] counts)
    {
        var first = counts.AsSpan().IndexOfAnyExcept(0);
        if (first < 0)
            return [];
        var buckets = ImmutableArray.CreateBuilder<HistogramBucket>();
        for (var length = first; length <= counts.AsSpan().LastIndexOfAnyExcept(0); length++)
            buckets.Add(length == 0 ? new(0, 0, counts[0]) : new(1L << (length - 1), (long)((1UL << length) - 1), counts[length]));
        return buckets.ToImmutable();
    }

    private static int BitLength(long low) => low <= 0 ? 0 : BitOperations.Log2((ulong)low) + 1;
}

/// <summary>The key of a group: a text or a number, and for a function its address, as several functions can share a name.</summary>
internal readonly record struct DepthKey(string Text, long? Number = null, ulong? Address = null);

/// <summary>The depths of one group, and the answers to what else was asked, in its order.</summary>
internal sealed record DepthGroup(DepthKey Key, DepthSummary Depth, ImmutableArray<DepthSummary> Answers);

/// <summary>The result of a run: over all, and by group when that was asked for.</summary>
internal sealed record Depths(DepthSummary Total, ImmutableArray<DepthSummary> Answers, ImmutableArray<DepthGroup>? Groups)
{
    /// <summary>The deepest stack, whatever its group; null when there was none.</summary>
    internal RecordHolder<long>? Deepest { get; init; }

    internal static Depths Of(ImmutableArray<Summary<long>> summaries) => new(DepthSummary.Of(summaries[0]), Others(summaries), null);

    /// <summary>The groups, the deepest first.</summary>
    internal static Depths Of<TKey>(ProbeTable<TKey, ImmutableArray<Summary<long>>> table, Func<TKey, DepthKey> describe)
        where TKey : notnull
    {
        var groups = new List<DepthGroup>(table.Count);
        var answers = 0;
        foreach (var (key, summaries) in table)
        {
            groups.Add(new(describe(key), DepthSummary.Of(summaries[0]), Others(summaries)));
            answers = summaries.Length - 1;
        }
        groups.Sort(static (left, right) => Compare(left, right));
        return new(
            DepthSummary.Of(groups.Select(static group => group.Depth)),
            [.. Enumerable.Range(0, answers).Select(index => DepthSummary.Of(groups.Select(group => group.Answers[index])))],
            [.. groups]);
    }

    private static ImmutableArray<DepthSummary> Others(ImmutableArray<Summary<long>> summaries) => [.. summaries.Skip(1).Select(DepthSummary.Of)];

    private static int Compare(DepthGroup left, DepthGroup right)
    {
        var order = Nullable.Compare(right.Depth.Max, left.Depth.Max);
        if (order == 0)
            order = right.Depth.Count.CompareTo(left.Depth.Count);
        if (order == 0)
            order = Nullable.Compare(left.Key.Number, right.Key.Number);
        if (order == 0)
            order = string.CompareOrdinal(left.Key.Text, right.Key.Text);
        return order != 0 ? order : Nullable.Compare(left.Key.Address, right.Key.Address);
    }
}
