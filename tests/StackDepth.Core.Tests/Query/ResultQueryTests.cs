using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Query;

/// <summary>What results and stream controls refuse, and say instead.</summary>
public sealed class ResultQueryTests
{
    private static readonly ProbeStream<int> Depths = GoldenQueries.Source.Select(s => s.UStack.Length);

    [Theory]
    [InlineData(0, 10, 0, "step")]
    [InlineData(0, 10, -1, "step")]
    [InlineData(10, 10, 1, "greater")]
    [InlineData(11, 10, 1, "greater")]
    [InlineData(0, 1_001, 1, "at most 1000 buckets")]
    [InlineData(int.MinValue, int.MaxValue, 1, "at most 1000 buckets")]
    public void A_linear_histogram_that_cannot_be_says_why(int min, int max, int step, string why)
    {
        var error = Assert.Throws<ProbeQueryException>(() => Depths.LinearHistogram(min, max, step));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.Throws<ProbeQueryException>(() => GoldenQueries.Source.GroupBy(s => s.Pid).LinearHistogram(s => s.UStack.Length, min, max, step));
    }

    [Fact]
    public void A_linear_histogram_can_have_as_many_steps_as_it_says() => ProbeCompiler.Compile(Depths.LinearHistogram(0, 1_000, 1).Query, GoldenQueries.Target);

    [Theory]
    [InlineData(-0.01)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void A_quantile_is_a_share(double q)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Depths.Quantile(q));
        Assert.Throws<ArgumentOutOfRangeException>(() => GoldenQueries.Source.GroupBy(s => s.Pid).Quantile(s => s.UStack.Length, q));
    }

    [Fact]
    public void Controls_refuse_what_lets_nothing_pass()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Depths.Take(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Depths.Sample(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Depths.Throttle(TimeSpan.Zero));
    }

    [Fact]
    public void Aggregates_that_a_CPU_has_no_room_for_are_refused()
    {
        var depth = new IrStackLength(new(StackKind.User));
        var query = Depths.Query with { Sink = new IrAggregate(AggregateParts.Histogram, new IrTuple([depth, depth]), null, Buckets: new IrFineBuckets(true)) };
        Assert.Contains("fewer", Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(query, GoldenQueries.Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_in_memory_says_what_it_cannot_be()
    {
        var source = GoldenQueries.Source;
        Assert.Contains("ArgString(0) to ArgString(5)", Assert.Throws<ProbeQueryException>(() => source.Select(s => s.ArgString(6))).Message, StringComparison.Ordinal);
        Assert.Contains("at most 128 bytes", Assert.Throws<ProbeQueryException>(() => source.Select(s => s.ArgString(0, 129))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Select(s => s.ArgString(0, 0)));
        Refused(source.Where(s => s.ArgString(0, 3) == "four").Count().Query, "str(arg0, 3) takes 3 of a text: it can never equal it");
        Refused(source.Where(s => s.ArgString(0, 3).StartsWith("four")).Count().Query, "it can never begin so");
        Refused(source.Where(s => s.ArgString(0) == s.Comm).Count().Query, "only with a constant");
        Refused(source.Where(s => s.ArgString(0) == "a\0b").Count().Query, "first NUL");
        Refused(Probe.UProbe("bin", "f+4").Select(s => s.ArgString(0)).Query, "at a function's entry only");
        Refused(source.GroupBy(s => (s.ArgString(0, 128), s.ArgString(1, 128))).Count().Query, "512 bytes of stack");

        static void Refused(IrQuery query, string why) =>
            Assert.Contains(why, Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(query, GoldenQueries.Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stacks_are_no_operands()
    {
        var source = GoldenQueries.Source;
        Refused(source.Where(s => s.UStack.Frames == s.KStack.Frames).Count().Query, "group by it");
        Refused(source.Select(s => Expr.If(s.Pid == 1, s.UStack.Frames, s.KStack.Frames)).Query, "the stack beside the condition");
        Assert.Throws<ArgumentException>(() => source.Where(s => s.UStack.Frames == new CallStack([])));
        Assert.Contains("skip first", Assert.Throws<ProbeQueryException>(() => source.GroupBy(s => s.UStack.Take(2).Skip(2))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.GroupBy(s => s.UStack.Take(0)));
        Assert.Equal(source.Select(s => s.UStack.Skip(1).Take(2)).Query, source.Select(s => s.UStack.Take(3).Skip(1)).Query);
        Assert.Equal(source.Select(s => s.UStack.Take(2)).Query, source.Select(s => s.UStack.Take(2).Take(9).Skip(0)).Query);

        static void Refused(IrQuery query, string why) =>
            Assert.Contains(why, Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(query, GoldenQueries.Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_constant_text_among_keys_is_refused() =>
        Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(GoldenQueries.Source.GroupBy(s => (s.Pid, (Expr<string>)"always")).Count().Query, GoldenQueries.Target));

    [Fact]
    public void Queries_with_different_controls_are_not_joined() =>
        Assert.Throws<ProbeQueryException>(() => Depths.Sample(2).Count().And(GoldenQueries.Source.MaxBy(s => s.UStack.Length)));

    [Fact]
    public void Buckets_follow_each_other_and_hold_every_number()
    {
        foreach (var buckets in (IrBuckets[])[IrBuckets.PowersOfTwo, new IrLinearBuckets(-7, 100, 9), new IrFineBuckets(false), new IrFineBuckets(true)])
        {
            Assert.Equal(long.MinValue, buckets.Range(0).Low);
            for (var index = 1; index < buckets.Count; index++)
                Assert.Equal(buckets.Range(index - 1).High + 1, buckets.Range(index).Low);
            Assert.Equal(buckets is IrFineBuckets { Wide: false } ? int.MaxValue : long.MaxValue, buckets.Range(buckets.Count - 1).High);
        }
    }
}
