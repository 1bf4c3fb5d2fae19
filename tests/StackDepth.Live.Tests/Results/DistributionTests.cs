using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>What is kept of the distribution of depths, against the target's own report.</summary>
public sealed class DistributionTests
{
    private const string Load = "calls any 7 5 2000 150 ; calls push 9 0 800 140 ; ramp push 100 3";

    private static async Task Against<T>(Func<ProbeStream<int>, ProbeQuery<T>> query, Action<Report, T> same)
    {
        using var command = new Command(Load);
        var run = await query(Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length)).RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var report = command.Report.Of("leaf_push");
        Assert.True(report.Count > 1000);
        same(report, run.Result);
        Check.Healthy(report, run.Health);
    }

    private static IEnumerable<int> Depths(Report report) => report.Lines.SelectMany(static call => Enumerable.Repeat(int.Min(call.Depth, Report.KernelWalkLimit), (int)call.Count));

    [Fact]
    public Task Stats_are_the_models() => Against(depths => depths.Stats(), (model, stats) =>
    {
        Assert.Equal((model.Count, model.Min, model.Max), (stats.Count, stats.Min, stats.Max));
        Assert.Equal(model.Mean!.Value, stats.Mean!.Value, 1e-9);
    });

    [Fact]
    public Task A_linear_histogram_is_the_models() => Against(depths => depths.LinearHistogram(20, 95, 10), (model, histogram) =>
    {
        var expected = Depths(model).GroupBy(static depth => depth < 20 ? long.MinValue : depth >= 95 ? 95 : 20 + ((depth - 20) / 10 * 10)).ToDictionary(static bucket => bucket.Key, static bucket => bucket.LongCount());
        Assert.Equal(expected.OrderBy(static bucket => bucket.Key), histogram.Buckets.Where(static bucket => bucket.Count > 0).Select(static bucket => KeyValuePair.Create(bucket.Low, bucket.Count)));
        Assert.Equal((90, 94), histogram.Buckets.Where(static bucket => bucket.Low == 90).Select(static bucket => (bucket.Low, bucket.High)).Single());
    });

    [Theory]
    [InlineData(0)]
    [InlineData(0.01)]
    [InlineData(0.5)]
    [InlineData(0.99)]
    [InlineData(1)]
    public Task A_quantile_of_depths_is_exact(double q) => Against(depths => depths.Quantile(q), (model, quantile) =>
    {
        var depths = Depths(model).Order().ToArray();
        Assert.Equal(depths[(int)Math.Max(Math.Ceiling(q * depths.Length), 1) - 1], quantile);
    });

    [Fact]
    public async Task The_last_depth_is_that_of_the_last_call()
    {
        using var command = new Command("calls push 7 0 2000 150 ; depth push 100 5 ; depth push 33 1");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length).Last().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(command.Report.Of("leaf_push").Lines[^1].Depth, run.Result);
    }

    [Fact]
    public async Task Groups_of_three_keys_are_the_models()
    {
        using var command = new Command("calls any 3 5 400 60 ; fork calls any 4 5 400 90");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_*").GroupBy(hit => (hit.Tid, hit.Comm, hit.Function)).Stats(hit => hit.UStack.Length)
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var expected = command.Report.OfLeaves().By(static line => (line.Tid, line.Comm, line.Function));
        Assert.True(expected.Count > 10);
        Check.Same(expected, run.Result.ToDictionary(static row => (row.Key.Item1, row.Key.Item2, row.Key.Item3.Name), static row => row.Value), static (model, stats) =>
            Assert.Equal((model.Count, model.Min, model.Max), (stats.Count, stats.Min, stats.Max)));
    }

    [Fact]
    public async Task Quantiles_of_groups_are_exact()
    {
        using var command = new Command("calls any 3 5 400 60");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_*").GroupBy(hit => (hit.Comm, hit.Pid)).Quantile(hit => hit.UStack.Length, 0.5)
            .RunAsync(command.Start, Command.Quiet with { MaxKeys = 64 }, TestContext.Current.CancellationToken);
        var expected = command.Report.OfLeaves().By(static line => (line.Comm, line.Pid));
        // The kernel allocates groups of this size as they come, and can have no memory at hand: what it could not keep is counted.
        Assert.Equal(run.Health.Hits, expected.Sum(static group => group.Value.Count));
        foreach (var (key, median) in run.Result)
        {
            var depths = Depths(expected[key]).Order().ToArray();
            if (run.Health.KeysLost == 0)
                Assert.Equal(depths[((depths.Length + 1) / 2) - 1], median);
        }
        if (run.Health.KeysLost == 0)
            Assert.Equal(expected.Keys.Order(), run.Result.Keys.Order());
    }
}
