using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>A child that calls the probed function once and exits, a thousand times: each is counted exactly once.</summary>
public sealed class ManyRunsTests
{
    /// <summary>Each run attaches and detaches, some 30 ms: a thousand where STACKDEPTH_RUNS says so, fewer in a usual run of the suite.</summary>
    private static int Runs => int.Parse(Environment.GetEnvironmentVariable("STACKDEPTH_RUNS") ?? "100", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("children 1000")]
    [InlineData("crowd 1000")]
    public async Task A_thousand_children_of_one_command_are_each_counted_once(string commands)
    {
        using var command = new Command(commands);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Pid).Count()
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(1000, run.Result.Count);
        Assert.All(run.Result.Values, hits => Assert.Equal(1, hits));
        Check.Healthy(1000, run.Health);
    }

    [Fact]
    public async Task A_thousand_programs_started_by_one_shell_are_each_counted_once()
    {
        _ = CTarget.Shared;
        var shell = new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", $"i=0; while [ $i -lt 1000 ]; do {CTarget.Shared} once; i=$((i+1)); done"]);
        var run = await Probe.UProbe(CTarget.Shared, "leaf_push").GroupBy(hit => hit.Pid).Count().RunAsync(shell, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(1000, run.Result.Count);
        Assert.All(run.Result.Values, hits => Assert.Equal(1, hits));
        Check.Healthy(1000, run.Health);
    }

    [Fact]
    public async Task Each_of_many_runs_counts_its_one_hit()
    {
        using var command = new Command("once");
        var query = Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.Length).Count();
        for (var run = 0; run < Runs; run++)
        {
            var result = await query.RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
            Assert.Equal((1, 1, 0, 0), (result.Result, result.Health.Hits, result.Health.Missed, result.ExitCode));
        }
    }

    [Fact]
    public async Task Runs_at_the_same_time_count_their_own()
    {
        var query = Probe.UProbe(CTarget.Shared, "leaf_push").Count();
        await Task.WhenAll(Enumerable.Range(1, 12).Select(async hits =>
        {
            using var command = new Command($"raw {hits} ; fork raw {hits} ; exit {hits}");
            var run = await query.RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
            Assert.Equal((2 * hits, hits), (run.Result, run.ExitCode));
        }));
    }
}
