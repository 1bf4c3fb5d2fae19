using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Every aggregate against a model computed from the target's own report.</summary>
public sealed class AggregateTests
{
    private const string Load = "calls any 7 0 5000 150 ; calls nop 9 2 800 140 ; calls any 8 8 800 100 ; depth push 500 10";

    public static TheoryData<string> Functions => ["leaf_push", "leaf_bare", "leaf_nop", "rec"];

    private static async Task Against<T>(Func<ProbeStream<int>, ProbeQuery<T>> query, string function, Action<Report, T> same, string load = Load)
    {
        using var command = new Command(load);
        var run = await query(Probe.UProbe(command.Start.FileName, function).Select(hit => hit.UStack.Length))
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var report = command.Report.Of(function);
        Assert.Equal(0, run.ExitCode);
        Assert.True(report.Count > 1000);
        same(report, run.Result);
        Check.Healthy(report, run.Health);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public Task A_summary_is_the_models(string function) => Against(depths => depths.Summary(), function, Check.Same);

    [Fact]
    public Task A_maximum_is_the_models() => Against(depths => depths.Max(), "leaf_bare", (model, max) => Assert.Equal(model.Max, max));

    [Fact]
    public Task A_minimum_is_the_models() => Against(depths => depths.Min(), "leaf_push", (model, min) => Assert.Equal(model.Min, min));

    [Fact]
    public Task A_sum_is_the_models() => Against(depths => depths.Sum(), "leaf_nop", (model, sum) => Assert.Equal(model.Sum, sum));

    [Fact]
    public Task An_average_is_the_models() => Against(depths => depths.Average(), "leaf_push", (model, mean) => Assert.Equal(model.Mean!.Value, mean!.Value, 1e-9));

    [Fact]
    public Task A_histogram_is_the_models() => Against(depths => depths.Histogram(), "leaf_push", Check.Same);

    [Fact]
    public Task A_count_is_the_models() => Against(depths => depths.Count(), "leaf_bare", (model, count) => Assert.Equal(model.Count, count));

    [Fact]
    public async Task A_count_of_hits_walks_no_stack()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "rec").Count().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(command.Report.Of("rec").Count, run.Result);
        Check.Healthy(run.Result, run.Health);
    }

    [Fact]
    public async Task Without_a_hit_there_is_no_extreme_and_no_mean()
    {
        using var command = new Command("exit 0");
        var depths = Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length);
        Assert.Null((await depths.Max().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken)).Result);
        Assert.Null((await depths.Average().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken)).Result);
        var summary = await depths.Summary().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal((0, null, null, null), (summary.Result.Count, summary.Result.Min, summary.Result.Max, summary.Result.Mean));
        Assert.Empty(summary.Result.Histogram.Buckets);
        Assert.Equal(0, summary.Health.Hits);
    }

    [Fact]
    public async Task Filters_keep_the_hits_that_the_model_keeps()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "*")
            .Where(hit => hit.UStack.Length > 20 & hit.UStack.Length <= 60 & (hit.Comm == "t1" | hit.Comm == "t5"))
            .GroupBy(hit => hit.Function).Summary(hit => hit.UStack.Length)
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var model = new Report(command.Report.Lines.Where(line => line is { Depth: > 20 and <= 60, Comm: "t1" or "t5" }));
        Assert.Equal(model.Count, run.Health.Hits);
        foreach (var (name, report) in model.By(line => line.Function))
            Check.Same(report, run.Result.Single(group => group.Key.Name == name).Value);
    }
}
