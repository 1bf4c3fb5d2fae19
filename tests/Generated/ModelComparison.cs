using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth.Tests.Generated;

/// <summary>Whether a query has come to what it means.</summary>
internal static class ModelComparison
{
    internal static void AssertSame(QueryModel model, IQueryAnswer run)
    {
        foreach (var (counter, expected) in model.Counters)
            Assert.True(expected == run.Counter(counter), $"{counter}: {expected} expected, {run.Counter(counter)} counted");
        Assert.True(model.Unset == run.Unset, $"Unset: {model.Unset} expected, {run.Unset} counted");
        if (run.Records is { } records)
            Assert.Equal(model.Records, records);
        if (run.Compiled.Kept is { } kept)
        {
            var places = run.Kept();
            Assert.Equal(model.Kept.Keys.Order(StringComparer.Ordinal), places.Keys.Order(StringComparer.Ordinal));
            foreach (var (key, expected) in model.Kept)
                AssertSame(kept, expected, places[key]);
        }
        if (run.Compiled.Aggregate is not { } layout)
            return;
        var groups = run.Groups();
        Assert.Equal(model.Groups.Keys.Order(StringComparer.Ordinal), groups.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, expected) in model.Groups)
        {
            Assert.Equal(Text(expected, layout), Text(groups[key], layout.Parts));
            AssertSame(expected, groups[key]);
        }
    }

    /// <summary>What has no one answer, or none that is exact.</summary>
    private static void AssertSame(ModelAggregate expected, AggregateValue actual)
    {
        // Of hits at the same time on several CPUs any one can be the last.
        if (actual.Layout.Parts.HasFlag(AggregateParts.Last))
            Assert.Contains(actual.Last, expected.Latest.Values.Where(latest => latest.Time == expected.Latest.Values.Max(static l => l.Time)).Select(static latest => (long?)latest.Value).DefaultIfEmpty(null));
        if (!actual.Layout.Parts.HasFlag(AggregateValue.QuantileParts) || actual.Layout.Buckets is not IrFineBuckets)
            return;
        expected.Values.Sort();
        foreach (var q in (double[])[0, 0.1, 0.5, 0.9, 1])
        {
            var quantile = actual.Quantile(q);
            if (expected.Values.Count == 0)
            {
                Assert.Null(quantile);
                continue;
            }
            var exact = expected.Values[(int)Math.Max(Math.Ceiling(q * expected.Values.Count), 1) - 1];
            Assert.Equal(exact < 0 ? long.Max(expected.Values[0], long.MinValue + 1) : exact, (double)quantile!.Value, exact < 2048 ? 0 : exact * 0.0161);
        }
    }

    private static void AssertSame(KeptLayout layout, List<(long Value, Hit Hit)> expected, byte[][] places)
    {
        Assert.True(places.Length <= layout.Places);
        var best = places.OrderByDescending(Encoded).Take(layout.Keep.Count).ToArray();
        Assert.Equal(expected.Select(kept => layout.Keep.Maximum ? AggregateLayout.EncodeMaximum(kept.Value) : AggregateLayout.EncodeMaximum(~kept.Value)), best.Select(Encoded));
        // Of hits with the same value the first ones are kept, in no order; the last value may have hits among the spare places.
        foreach (var value in expected.Select(static kept => kept.Value).Distinct().SkipLast(1))
            Assert.Equal(expected.Where(kept => kept.Value == value).Select(static kept => Text(kept.Hit)).Order(), best.Where(place => Value(place) == value).Select(static place => Text(place)).Order());
        if (expected.Count == 1)
            Assert.Contains(Text(expected[0].Hit), places.Where(place => Encoded(place) == Encoded(best[0])).Select(static place => Text(place)));

        long Value(byte[] place) => (layout.Keep.Maximum ? AggregateLayout.DecodeMaximum(Encoded(place)) : AggregateLayout.DecodeMinimum(Encoded(place)))!.Value;

        static ulong Encoded(byte[] place) => BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Value));
    }

    private static string Text(Hit hit) => $"{hit.Pid} {hit.Tid} {Convert.ToHexString(hit.Comm)} {hit.Cookie}";

    private static string Text(byte[] place) =>
        $"{BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids + 4))} {BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids))} {Convert.ToHexString(place.AsSpan(KeptLayout.Comm, 16))} {BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Site))}";

    private static string Text(ModelAggregate value, AggregateLayout layout)
    {
        var parts = layout.Parts;
        var buckets = layout.Buckets is IrPowersOfTwo
            ? value.Buckets.Select(static bucket => string.Create(CultureInfo.InvariantCulture, $"{(bucket.Key < 0 ? long.MinValue : bucket.Key == 0 ? 0 : 1L << (bucket.Key - 1))}:{bucket.Value}"))
            : value.Values.GroupBy(number => Low(layout.Buckets, number)).OrderBy(static bucket => bucket.Key).Select(static bucket => string.Create(CultureInfo.InvariantCulture, $"{bucket.Key}:{bucket.Count()}"));
        // See AggregateLayout.EncodeMaximum: the two extreme values of 64 bits share a form.
        return Text(parts, value.Count, value.Sum, value.Minimum is { } min ? long.Max(min, long.MinValue + 1) : null, value.Maximum is { } max ? long.Min(max, long.MaxValue - 1) : null, buckets);
    }

    /// <summary>The least number of the bucket of <paramref name="value"/>.</summary>
    private static long Low(IrBuckets buckets, long value) => buckets switch
    {
        IrLinearBuckets linear when value < linear.Least => long.MinValue,
        IrLinearBuckets linear when value >= linear.End => linear.End,
        IrLinearBuckets linear => (long)(linear.Least + (((Int128)value - linear.Least) / linear.Step * linear.Step)),
        _ when value < 0 => long.MinValue,
        _ when value < 2048 => value,
        _ => value - (value % (long)(BitOperations.RoundUpToPowerOf2((ulong)value / 2 + 1) / 32)),
    };

    private static string Text(AggregateValue value, AggregateParts parts) =>
        Text(parts, value.Count, value.Sum, value.Minimum, value.Maximum,
            value.ToHistogram().Buckets.Where(static b => b.Count > 0).Select(static b => string.Create(CultureInfo.InvariantCulture, $"{b.Low}:{b.Count}")));

    private static string Text(AggregateParts parts, long count, long sum, long? minimum, long? maximum, IEnumerable<string> buckets) => string.Join(
        ' ',
        parts.HasFlag(AggregateParts.Count) ? $"count {count}" : "",
        parts.HasFlag(AggregateParts.Sum) ? $"sum {sum}" : "",
        parts.HasFlag(AggregateParts.Minimum) ? $"min {minimum}" : "",
        parts.HasFlag(AggregateParts.Maximum) ? $"max {maximum}" : "",
        parts.HasFlag(AggregateParts.Histogram) ? string.Join(',', buckets) : "");
}
