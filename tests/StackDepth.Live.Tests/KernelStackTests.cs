using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>The kernel's stack under a uprobe: the way that the trap took.</summary>
public sealed class KernelStackTests
{
    [Fact]
    public async Task It_is_there_and_complete()
    {
        using var command = new Command("calls push 41 4 500 20");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.KStack.Length).Summary()
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(2000, run.Result.Count);
        Assert.True(run.Result.Min > 0);
        Assert.True(run.Result.Max < Report.KernelWalkLimit);
        Assert.Equal(new ProbeHealth(2000, 0, 0, 0, 0, 2000, 0, 0, 0), run.Health);
        Assert.True(run.Health.IsExact);
    }

    [Fact]
    public async Task Both_stacks_can_be_had_at_once()
    {
        using var command = new Command("ramp push 60 2");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.UStack.Length, hit.KStack.Length))
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var depths = command.Report.Of("leaf_push").Lines.SelectMany(line => Enumerable.Repeat(line.Depth, (int)line.Count));
        Assert.Equal(depths, run.Result.Select(record => record.Item1));
        Assert.All(run.Result, record => Assert.True(record.Item2 > 0));
        Assert.Equal((122, 122, 122), (run.Health.Hits, run.Health.Complete, run.Health.Broken));
    }
}
