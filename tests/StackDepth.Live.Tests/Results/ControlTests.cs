using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>Values that the kernel chooses, against the target's own report. Threads hit at the same time on all CPUs.</summary>
public sealed class ControlTests
{
    private const string Load = "calls push 7 8 3000 60";

    private static async Task<(ProbeRun<T> Run, Report Report)> Run<T>(Func<ProbeStream<int>, ProbeQuery<T>> query)
    {
        using var command = new Command(Load);
        var run = await query(Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length)).RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        return (run, command.Report.Of("leaf_push"));
    }

    [Fact]
    public async Task Take_is_exact_over_all_CPUs()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length).Take(100).RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(100, run.Result.Length);
        Assert.Equal(command.Report.Of("leaf_push").Count, run.Health.Hits);
    }

    [Fact]
    public async Task A_sample_has_one_in_so_many_hits_over_all_CPUs()
    {
        var (run, report) = await Run(depths => depths.Sample(7).Count());
        Assert.Equal((report.Count, (report.Count + 6) / 7), (run.Health.Hits, run.Result));
        // The others' stacks were not walked.
        Assert.Equal(run.Result, run.Health.Complete + run.Health.Truncated + run.Health.Broken + run.Health.Approximate);
    }

    [Fact]
    public async Task A_period_longer_than_the_run_lets_one_hit_pass()
    {
        var (run, report) = await Run(depths => depths.Throttle(TimeSpan.FromDays(1)).Count());
        Assert.Equal((report.Count, 1), (run.Health.Hits, run.Result));
    }

    [Fact]
    public async Task Distinct_depths_are_the_models()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length).Distinct().RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(command.Report.Of("leaf_push").Lines.Select(static line => line.Depth).Distinct().Order(), run.Result.Order());
        Assert.Equal(0, run.Health.KeysLost);
    }

    [Fact]
    public async Task Distinct_values_beyond_the_limit_are_counted_as_lost()
    {
        using var command = new Command("keys 50");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.Comm).Distinct().Count()
            .RunAsync(command.Start, Command.Quiet with { MaxKeys = 20 }, TestContext.Current.CancellationToken);
        Assert.Equal((20, 30), (run.Result, run.Health.KeysLost));
    }

    [Fact]
    public async Task What_is_aggregated_is_what_passes()
    {
        var (run, _) = await Run(depths => depths.Distinct().Take(3).Sum());
        var (depths, _) = await Run(depths => depths.Take(3).Count());
        Assert.InRange(run.Result, 1 + 2 + 3, 3 * Report.KernelWalkLimit);
        Assert.Equal(3, depths.Result);
    }
}
