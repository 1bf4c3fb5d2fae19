using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>Results of a part of a session, against what the target reports of each part.</summary>
public sealed class IntervalTests
{
    [Fact]
    public void A_result_begins_anew_after_a_reset()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Histogram().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        Check.Same(target.Do("calls push 7 0 500 60").Of("leaf_push"), session.Snapshot());
        session.Reset();
        Assert.Empty(session.Snapshot().Buckets);
        Check.Same(target.Do("calls push 8 0 300 20").Of("leaf_push"), session.TakeInterval());
        Check.Same(target.Do("calls push 9 0 200 90").Of("leaf_push"), session.TakeInterval());
        Assert.Equal(1000, session.Health.Hits);
    }

    [Fact]
    public async Task Groups_of_an_interval_are_those_that_were_hit_in_it()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid).GroupBy(hit => hit.Function).Count().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        target.Do("calls any 7 0 500 60");
        session.Reset();
        var report = target.Do("calls push 7 0 100 60");
        var row = (await session.StopAsync(TestContext.Current.CancellationToken)).Single();
        Assert.Equal(("leaf_push", report.OfLeaves().Count), (row.Key.Name, row.Value));
    }

    [Fact]
    public async Task Every_hit_is_in_exactly_one_interval_while_the_target_runs()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Count().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        var running = target.DoAsync("calls push 7 4 20000 60");
        var sum = 0L;
        while (!running.IsCompleted)
            sum += session.TakeInterval();
        Assert.Equal((await running).Of("leaf_push").Count, sum + session.TakeInterval());
    }

    [Fact]
    public void Extremes_do_not_begin_anew()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Stats().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        Assert.Throws<ProbeQueryException>(session.Reset);
        Assert.Throws<ProbeQueryException>(() => Depths(target).Quantile(0.5).ObserveIntervals(TimeSpan.FromSeconds(1)));
        Assert.Throws<ProbeQueryException>(() => Probe.UProbe(CTarget.Shared, "leaf_push").MaxBy(hit => hit.UStack.Length).ObserveIntervals(TimeSpan.FromSeconds(1)));
    }

    private static ProbeStream<int> Depths(LiveTarget target) => Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.UStack.Length);
}
