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
    public void Extremes_begin_anew()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Stats().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        foreach (var load in (string[])["calls push 7 0 500 60", "depth push 90 3", "calls push 8 0 300 20"])
        {
            var report = target.Do(load).Of("leaf_push");
            var stats = session.TakeInterval();
            Assert.Equal((report.Count, report.Min, report.Max), (stats.Count, stats.Min, stats.Max));
        }
        Assert.Equal((0, null, null), (session.Snapshot().Count, session.Snapshot().Min, session.Snapshot().Max));
        target.Do("depth push 5 1");
        session.Reset();
        var last = target.Do("depth push 33 2").Of("leaf_push");
        Assert.Equal((2, last.Max, last.Max), (session.Snapshot().Count, session.Snapshot().Min, session.Snapshot().Max));
    }

    [Fact]
    public async Task What_the_session_ends_with_is_taken_once()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Max().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        var report = target.Do("depth push 33 2").Of("leaf_push");
        Assert.Equal(report.Max, await session.StopAsync(TestContext.Current.CancellationToken));
        Assert.Equal(report.Max, session.TakeInterval());
        Assert.Null(session.TakeInterval());
    }

    [Fact]
    public void Last_values_and_quantiles_begin_anew()
    {
        using var target = new LiveTarget();
        using var last = Depths(target).Last().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        using var median = Depths(target).Quantile(0.5).Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        foreach (var depth in (int[])[40, 5, 70])
        {
            var report = target.Do($"depth push {depth} 3").Of("leaf_push");
            Assert.Equal((report.Max, report.Max), (last.TakeInterval(), median.TakeInterval()));
        }
        Assert.Null(last.TakeInterval());
        Assert.Null(median.TakeInterval());
    }

    [Fact]
    public void Extremes_of_groups_begin_anew()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid).GroupBy(hit => hit.Function).Summary(hit => hit.UStack.Length).Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        foreach (var load in (string[])["calls any 7 0 500 60", "depth push 90 3", "depth nop 4 1"])
        {
            var report = target.Do(load).OfLeaves().By(static line => line.Function);
            var groups = session.TakeInterval();
            Assert.Equal(report.Keys.Order(), groups.Keys.Select(static function => function.Name).Order());
            foreach (var (function, summary) in groups)
                Check.Same(report[function.Name], summary);
        }
    }

    [Fact]
    public async Task The_greatest_of_all_intervals_is_the_greatest_of_all_while_the_target_runs()
    {
        using var target = new LiveTarget();
        using var session = Depths(target).Stats().Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        var running = target.DoAsync("calls push 7 4 20000 60");
        List<Stats<int>> intervals = [];
        while (!running.IsCompleted)
            intervals.Add(session.TakeInterval());
        var report = (await running).Of("leaf_push");
        intervals.Add(session.TakeInterval());
        Assert.Equal((report.Count, report.Min, report.Max), (intervals.Sum(static stats => stats.Count), intervals.Min(static stats => stats.Min), intervals.Max(static stats => stats.Max)));
        Assert.True(intervals.Count > 3);
    }

    [Fact]
    public async Task Kept_hits_begin_anew()
    {
        using var target = new LiveTarget();
        var source = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid);
        using var session = source.TopK(3, hit => hit.UStack.Length).And(source.Count()).Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        foreach (var load in (string[])["calls push 7 0 500 60", "depth push 90 3", "depth push 30 2", "calls push 8 0 300 20"])
        {
            var report = target.Do(load).Of("leaf_push");
            var (top, count) = session.TakeInterval();
            Assert.Equal(report.Count, count);
            Assert.Equal(report.Depths.OrderDescending().Take(3), top.Select(static hit => hit.Value));
            Assert.All(top, static hit => Assert.Equal(hit.Value, hit.Stack.Length));
        }
        Assert.Empty(session.Snapshot().Item1);
        target.Do("depth push 5 1");
        session.Reset();
        var last = target.Do("depth push 33 2").Of("leaf_push");
        Assert.Equal(last.Depths, (await session.StopAsync(TestContext.Current.CancellationToken)).Item1.Select(static hit => hit.Value));
        Assert.Equal(last.Depths, session.TakeInterval().Item1.Select(static hit => hit.Value));
        Assert.Empty(session.TakeInterval().Item1);
    }

    [Fact]
    public void Kept_hits_of_groups_begin_anew()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid).GroupBy(hit => hit.Function).MaxBy(hit => hit.UStack.Length).Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        foreach (var load in (string[])["calls any 7 0 500 60", "depth push 90 3", "depth nop 4 1"])
        {
            var report = target.Do(load).OfLeaves().By(static line => line.Function);
            var groups = session.TakeInterval();
            Assert.Equal(report.Keys.Order(), groups.Keys.Select(static function => function.Name).Order());
            foreach (var (function, hit) in groups)
            {
                Assert.Equal((report[function.Name].Max, function), (hit.Value, hit.Function));
                Assert.Equal(hit.Value, hit.Stack.Length);
            }
        }
        Assert.Empty(session.Snapshot());
    }

    [Fact]
    public async Task The_deepest_hit_of_all_intervals_is_the_deepest_of_all_while_the_target_runs()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).GroupBy(hit => hit.Tid).TopK(2, hit => hit.UStack.Length).Attach(Command.ByKernel, TestContext.Current.CancellationToken);
        var running = target.DoAsync("calls push 7 4 20000 60");
        List<int> depths = [];
        while (!running.IsCompleted)
            depths.AddRange(session.TakeInterval().SelectMany(static row => row.Value).Select(static hit => hit.Value));
        var report = (await running).Of("leaf_push");
        depths.AddRange(session.TakeInterval().SelectMany(static row => row.Value).Select(static hit => hit.Value));
        Assert.Equal(report.Max, depths.Max());
        // Each hit is in one interval at most.
        foreach (var depth in depths.Distinct())
            Assert.True(depths.Count(kept => kept == depth) <= report.Depths.Count(hit => hit == depth), $"{depth}");
    }

    private static ProbeStream<int> Depths(LiveTarget target) => Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.UStack.Length);
}
