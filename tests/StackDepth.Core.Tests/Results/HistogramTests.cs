using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Results;

public sealed class HistogramTests
{
    public static TheoryData<long> Boundaries { get; } = Values();

    [Theory]
    [MemberData(nameof(Boundaries))]
    public void The_kernel_counts_a_value_in_the_bucket_that_holds_it(long value)
    {
        var run = new CompiledRun(GoldenQueries.Source.Select(s => s.Timestamp).Histogram().Query, GoldenQueries.Target);
        run.Run(new Hit { Timestamp = value });

        var bucket = Assert.Single(run.Total().ToHistogram().Buckets);
        Assert.Equal(1, bucket.Count);
        Assert.InRange(value, bucket.Low, bucket.High);
        Assert.Equal(Expected(value), (bucket.Low, bucket.High));
    }

    [Fact]
    public void Depths_from_1_to_127_fall_where_they_belong()
    {
        var run = new CompiledRun(GoldenQueries.Source.Select(s => s.UStack.Length).Histogram().Query, GoldenQueries.Target);
        for (var depth = 1; depth <= 127; depth++)
            run.Run(new Hit { UserStack = depth * 8 });

        Assert.Equal("1: 1, 2..3: 2, 4..7: 4, 8..15: 8, 16..31: 16, 32..63: 32, 64..127: 64", run.Total().ToHistogram().ToString());
    }

    [Fact]
    public void Buckets_cover_all_numbers_without_gap_or_overlap()
    {
        var counts = new long[IrBuckets.PowersOfTwo.Count];
        counts[0] = counts[^1] = 1;
        var buckets = new Histogram(counts).Buckets;

        Assert.Equal(IrBuckets.PowersOfTwo.Count, buckets.Length);
        Assert.Equal((long.MinValue, long.MaxValue), (buckets[0].Low, buckets[^1].High));
        Assert.All(buckets.Zip(buckets.Skip(1)), static pair => Assert.Equal(pair.First.High + 1, pair.Second.Low));
    }

    [Fact]
    public void Empty_buckets_are_left_out_at_the_ends_only()
    {
        var counts = new long[IrBuckets.PowersOfTwo.Count];
        (counts[2], counts[5]) = (3, 4);
        var histogram = new Histogram(counts);

        Assert.Equal([new(1, 1, 3), new(2, 3, 0), new(4, 7, 0), new(8, 15, 4)], histogram.Buckets);
        Assert.Equal(7, histogram.Count);
    }

    [Fact]
    public void No_values_make_no_buckets()
    {
        Assert.Empty(new Histogram(new long[IrBuckets.PowersOfTwo.Count]).Buckets);
        Assert.Equal((0L, ""), (new Histogram([]).Count, new Histogram([]).ToString()));
    }

    private static TheoryData<long> Values()
    {
        TheoryData<long> values = [long.MinValue, -2, -1, 0];
        for (var bits = 0; bits < 63; bits++)
        {
            values.Add(1L << bits);
            if (bits > 0)
                values.Add((1L << bits) + 1);
            if (bits > 1)
                values.Add((1L << bits) - 1);
        }
        values.Add(long.MaxValue);
        return values;
    }

    private static (long Low, long High) Expected(long value)
    {
        if (value <= 0)
            return value < 0 ? (long.MinValue, -1) : (0, 0);
        var low = 1L;
        while (low <= value / 2)
            low *= 2;
        return (low, low + (low - 1));
    }
}
