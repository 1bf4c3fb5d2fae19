using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Threads that hammer one probe on all CPUs, and sessions beside each other: no hit is lost or counted twice.</summary>
public sealed class ConcurrencyTests
{
    [Fact]
    public async Task Eight_threads_are_counted_exactly()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_bare").ForProcess(target.Pid).Select(hit => hit.UStack.Length).Summary()
            .AttachAsync(Command.ByKernel, TestContext.Current.CancellationToken);
        var report = target.Do("calls bare 11 8 20000 3").Of("leaf_bare");
        Assert.Equal(160_000, report.Count);
        Check.Same(report, session.Snapshot());
        Check.Same(report, await session.StopAsync(TestContext.Current.CancellationToken));
        Check.Healthy(report, session.Health);
    }

    [Fact]
    public async Task Probes_nested_in_recursion_are_counted_exactly_in_eight_threads()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "*").ForProcess(target.Pid)
            .Where(hit => hit.UStack.Length > 0).GroupBy(hit => hit.Tid).Summary(hit => hit.UStack.Length)
            .AttachAsync(Command.ByKernel, TestContext.Current.CancellationToken);
        var load = target.Do("calls any 12 8 300 100");
        var result = await session.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal((0, 0, 0), (session.Health.Missed, session.Health.StackErrors, session.Health.KeysLost));

        // All functions of the file are probed; those that the model does not have ("work", "call", ...) add hits to each thread and no deeper ones.
        foreach (var (tid, model) in load.By(line => line.Tid))
        {
            Assert.Equal(model.Max, result[tid].Max);
            Assert.True(result[tid].Count >= model.Count);
        }
    }

    [Fact]
    public async Task Two_sessions_on_the_same_function_are_both_exact()
    {
        using var target = new LiveTarget();
        var source = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid);
        await using var first = await source.Select(hit => hit.UStack.Length).Summary().AttachAsync(Command.ByKernel, TestContext.Current.CancellationToken);
        var alone = target.Do("calls push 13 2 1000 40").Of("leaf_push");
        await using var second = await source.GroupBy(hit => hit.Tid).Max(hit => hit.UStack.Length).AttachAsync(Command.ByKernel, TestContext.Current.CancellationToken);
        var both = target.Do("calls push 14 4 1000 80").Of("leaf_push");
        Check.Same(new Report([.. alone.Lines, .. both.Lines]), await first.StopAsync(TestContext.Current.CancellationToken));
        var after = target.Do("calls push 15 0 1000 120").Of("leaf_push");
        Report seen = new([.. both.Lines, .. after.Lines]);
        Check.Same(seen.By(line => line.Tid), await second.StopAsync(TestContext.Current.CancellationToken), (model, max) => Assert.Equal(model.Max, max));
        Check.Healthy(seen, second.Health);
    }

    [Fact]
    public async Task Snapshots_taken_while_hits_come_only_grow_and_end_exact()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_nop").ForProcess(target.Pid).GroupBy(hit => hit.Tid).Count()
            .AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        var work = target.DoAsync("calls nop 16 8 30000 2");
        var last = new Dictionary<int, long>();
        while (!work.IsCompleted)
        {
            var snapshot = session.Snapshot();
            Assert.All(last, group => Assert.True(snapshot[group.Key] >= group.Value));
            last = snapshot.ToDictionary();
        }
        var report = (await work).Of("leaf_nop");
        Check.Same(report.By(line => line.Tid), await session.StopAsync(TestContext.Current.CancellationToken), (model, count) => Assert.Equal(model.Count, count));
    }

    [Fact]
    public async Task A_session_among_many_sees_the_whole_load()
    {
        using var target = new LiveTarget();
        var query = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count();
        var sessions = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => query.AttachAsync(cancellationToken: TestContext.Current.CancellationToken).AsTask()));
        var report = target.Do("calls push 17 4 2000 3").Of("leaf_push");
        var counts = await Task.WhenAll(sessions.Select(session => session.StopAsync(TestContext.Current.CancellationToken).AsTask()));
        await Task.WhenAll(sessions.Select(session => session.DisposeAsync().AsTask()));
        Assert.All(counts, count => Assert.Equal(report.Count, count));
    }
}
