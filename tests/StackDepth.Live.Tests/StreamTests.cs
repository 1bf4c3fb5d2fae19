using System.Reactive.Linq;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Streams: every record once, in each thread's order, with what was selected; and what a slow or faulty observer does.</summary>
public sealed class StreamTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_hit_is_one_record_with_the_models_values()
    {
        using var command = new Command("calls any 21 8 1500 60 ; fork calls any 22 4 1500 140");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.Tid, hit.Comm, hit.UStack.Length))
            .RunAsync(command.Start, Command.Quiet with { RingBufferBytes = 16 << 20 }, Cancellation);
        var report = command.Report.Of("leaf_push");
        Assert.Equal(
            report.Lines.GroupBy(line => (line.Tid, line.Comm, int.Min(line.Depth, Report.KernelWalkLimit))).ToDictionary(group => group.Key, group => group.Sum(line => line.Count)),
            run.Result.GroupBy(record => record).ToDictionary(group => group.Key, group => (long)group.Count()));
        Check.Healthy(report, run.Health);
    }

    [Fact]
    public async Task The_records_of_each_thread_come_in_order()
    {
        using var command = new Command("calls any 23 8 3000 5");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_bare").Select(hit => (hit.Tid, hit.Timestamp, hit.Function))
            .RunAsync(command.Start, Command.Quiet with { RingBufferBytes = 16 << 20 }, Cancellation);
        Assert.Equal(command.Report.Of("leaf_bare").Count, run.Result.Length);
        Assert.All(run.Result, record => Assert.Equal("leaf_bare", record.Item3.Name));
        Assert.All(
            run.Result.GroupBy(record => record.Item1),
            thread => Assert.All(thread.Zip(thread.Skip(1)), pair => Assert.True(pair.First.Item2 < pair.Second.Item2)));
    }

    [Fact]
    public async Task A_ramp_of_depths_comes_in_its_order()
    {
        using var command = new Command("ramp push 200 3");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.UStack.Length, hit.UStack.IsTruncated)).RunAsync(command.Start, Command.Quiet, Cancellation);
        var depths = command.Report.Of("leaf_push").Lines.SelectMany(line => Enumerable.Repeat(line.Depth, (int)line.Count));
        Assert.Equal(depths.Select(depth => (int.Min(depth, Report.KernelWalkLimit), depth >= Report.KernelWalkLimit)), run.Result);
    }

    [Fact]
    public async Task ObserveRun_completes_when_the_command_exits()
    {
        using var command = new Command("raw 5000");
        var values = await Eventually.Done(Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.Pid).ObserveRun(command.Start, Command.Quiet).ToList().ToTaskOf());
        Assert.Equal(5000, values.Count);
        Assert.Single(values.Distinct());
    }

    [Fact]
    public async Task ObserveRun_tells_the_observer_that_the_command_is_not_there()
    {
        _ = CTarget.Shared;
        var values = Probe.UProbe(CTarget.Shared, "leaf_push").Select(hit => hit.Pid).ObserveRun(new("no-such-command-anywhere"), Command.Quiet);
        await Assert.ThrowsAsync<FileNotFoundException>(() => Eventually.Done(values.ToList().ToTaskOf()));
    }

    [Fact]
    public async Task Observe_tells_the_observer_that_the_target_is_not_there()
    {
        var values = Probe.UProbe("/nowhere/program", "f").Select(hit => hit.Pid).Observe();
        await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => Eventually.Done(values.ToList().ToTaskOf()));
    }

    [Fact]
    public async Task A_slow_observer_loses_values_and_every_loss_is_counted()
    {
        using var command = new Command("calls push 24 8 4000 2");
        using var open = new ManualResetEventSlim();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").Where(hit => hit.Comm != "target").Select(hit => hit.Tid)
            .AttachAsync(new() { RingBufferBytes = 4096 }, Cancellation);
        var received = 0L;
        using var subscription = session.Subscribe(_ =>
        {
            received++;
            open.Wait();
        });
        using var target = new LiveTarget();
        var before = session.Health;
        target.Do("calls push 24 8 4000 2");
        open.Set();
        await session.StopAsync(Cancellation);
        Assert.True(session.Health.Hits >= before.Hits + 32_000);
        Assert.True(session.Health.Dropped > 0);
        Assert.Equal(session.Health.Hits, received + session.Health.Dropped);
        Assert.False(session.Health.IsExact);
    }

    [Fact]
    public async Task A_full_ring_keeps_what_fits_and_counts_the_rest()
    {
        // Nobody reads: a record of 8 bytes takes 16, and the ring keeps one place free.
        const int Ring = 4096, Hits = 1000;
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(new() { RingBufferBytes = Ring }, Cancellation);
        target.Ask($"raw {Hits}");
        var kept = Hits - session.Health.Dropped;
        Assert.Equal(Hits, session.Health.Hits);
        Assert.InRange(kept, (Ring / 16) - 1, Ring / 16);
        var received = 0;
        using var subscription = session.Subscribe(_ => received++);
        await session.StopAsync(Cancellation);
        Assert.Equal(kept, received);
    }

    [Fact]
    public async Task With_Fault_a_loss_ends_the_stream()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid)
            .AttachAsync(new() { RingBufferBytes = 4096, WhenFull = Overflow.Fault }, Cancellation);
        target.Ask("raw 1000");
        Exception? seen = null;
        using var subscription = session.Subscribe(static _ => { }, error => seen = error);
        var loss = await Assert.ThrowsAsync<ProbeDataLossException>(() => Eventually.Done(session.Completion));
        await Eventually.True(() => Volatile.Read(ref seen) is not null, "the observer hears of it");
        Assert.Same(loss, seen);
        Assert.Equal(session.Health.Dropped, loss.Health.Dropped);
        Assert.True(loss.Health.Dropped > 0);
    }

    [Fact]
    public async Task With_Fault_a_loss_is_the_outcome_of_a_run()
    {
        using var command = new Command("raw 200000");
        var loss = await Assert.ThrowsAsync<ProbeDataLossException>(() => Eventually.Done(
            Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.Comm, hit.Tid, hit.Timestamp))
                .RunAsync(command.Start, Command.Quiet with { RingBufferBytes = 4096, WhenFull = Overflow.Fault }, Cancellation)));
        Assert.True(loss.Health.Dropped > 0);
    }

    [Fact]
    public async Task An_observer_that_throws_ends_its_stream_and_nothing_else()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
        using var subscription = session.Subscribe(static _ => throw new InvalidTimeZoneException("the observer's"));
        target.Ask("raw 10");
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => Eventually.Done(session.Completion));
        var hits = session.Health.Hits;
        Assert.InRange(hits, 1, 10);

        // The probes are gone, and this process is still there.
        target.Ask("raw 10");
        Assert.Equal(hits, session.Health.Hits);
    }

    [Fact]
    public async Task Leaving_the_loop_detaches_the_probes()
    {
        var program = CTarget.Named("loop");
        using var target = new LiveTarget(program);
        using var work = new CancellationTokenSource();
        var calls = Task.Run(() =>
        {
            while (!work.IsCancellationRequested)
                target.Ask("raw 100");
        }, Cancellation);
        var read = 0;
        await foreach (var pid in Probe.UProbe(program, "leaf_push").Select(hit => hit.Pid).ReadAllAsync(cancellationToken: Cancellation))
        {
            Assert.Equal(target.Pid, pid);
            if (++read == 10_000)
                break;
        }
        await work.CancelAsync();
        await Eventually.Done(calls);

        // Detached when the loop is left: a new session finds the function untouched and counts from nothing.
        await using var session = await Probe.UProbe(program, "leaf_push").Count().AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 7");
        Assert.Equal(7, await session.StopAsync(Cancellation));
    }

    [Fact]
    public async Task A_reader_that_stands_still_is_cancelled()
    {
        using var target = new LiveTarget();
        using var cancel = new CancellationTokenSource();
        var read = 0;
        var reading = Task.Run(async () =>
        {
            await foreach (var _ in Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Pid).ReadAllAsync(cancellationToken: cancel.Token))
            {
                if (Interlocked.Increment(ref read) == 1)
                    await Task.Delay(Timeout.Infinite, cancel.Token);
            }
        }, Cancellation);
        await Eventually.True(() =>
        {
            target.Ask("raw 3000");
            return Volatile.Read(ref read) > 0;
        }, "a value is read");
        target.Ask("raw 50000");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.Done(reading));
    }

    [Fact]
    public async Task Unsubscribed_an_observer_hears_nothing_more()
    {
        using var target = new LiveTarget();
        var seen = 0;
        var subscription = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Pid).Observe().Subscribe(_ => Interlocked.Increment(ref seen));
        target.Ask("raw 100");
        await Eventually.True(() => Volatile.Read(ref seen) == 100, "all records come, without being stopped");
        subscription.Dispose();
        target.Ask("raw 100");
        Assert.Equal(100, seen);
    }

    [Fact]
    public async Task Observe_with_a_period_gives_snapshots_that_grow()
    {
        using var target = new LiveTarget();
        using var work = new CancellationTokenSource();
        var calls = Task.Run(() =>
        {
            while (!work.IsCancellationRequested)
                target.Ask("raw 100");
        }, Cancellation);
        var snapshots = await Eventually.Done(
            Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().Observe(TimeSpan.FromMilliseconds(10)).SkipWhile(count => count == 0).Take(5).ToList().ToTaskOf());
        await work.CancelAsync();
        await Eventually.Done(calls);
        Assert.Equal(5, snapshots.Count);
        Assert.All(snapshots.Zip(snapshots.Skip(1)), pair => Assert.True(pair.First <= pair.Second));
    }
}
