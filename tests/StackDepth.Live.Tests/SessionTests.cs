using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>The life of a session: stopped and disposed from anywhere, any number of times.</summary>
public sealed class SessionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Disposing_again_does_nothing_and_results_stay()
    {
        using var target = new LiveTarget();
        var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).GroupBy(hit => hit.Comm).Count().AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 6");
        Assert.False(session.Completion.IsCompleted);
        session.Dispose();
        session.Dispose();
        await session.DisposeAsync();
        await Eventually.Done(session.Completion);
        Assert.Equal(6, Assert.Single(session.Snapshot()).Value);
        Assert.Equal(6, Assert.Single(await session.StopAsync(Cancellation)).Value);
        Assert.Equal(6, session.Health.Hits);
        Assert.Single(session.Sites);
    }

    [Fact]
    public async Task Disposed_from_many_threads_while_others_read()
    {
        using var target = new LiveTarget();
        for (var round = 0; round < 10; round++)
        {
            var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.UStack.Length).Summary().AttachAsync(Command.ByKernel, Cancellation);
            target.Ask("raw 10");
            await Eventually.Done(Task.WhenAll(Enumerable.Range(0, 16).Select(n => Task.Run(() =>
            {
                if (n % 2 == 0)
                    session.Dispose();
                Assert.Equal(10, session.Snapshot().Count);
                Assert.Equal(10, session.Health.Hits);
            }, Cancellation))));
        }
    }

    [Fact]
    public async Task A_stream_is_disposed_from_many_threads_while_records_come()
    {
        using var target = new LiveTarget();
        for (var round = 0; round < 10; round++)
        {
            var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
            long seen = 0;
            using var subscription = session.Subscribe(_ => Interlocked.Increment(ref seen));
            var work = target.DoAsync("raw 20000");
            await Eventually.True(() => Volatile.Read(ref seen) > 0, "a record comes");
            await Eventually.Done(Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(session.Dispose, Cancellation))));
            await Eventually.Done(session.Completion);
            var end = Volatile.Read(ref seen);
            await Eventually.Done(work);
            Assert.Equal(end, Volatile.Read(ref seen));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_can_be_ended_inside_OnNext(bool dispose)
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
        var seen = 0;
        var completed = 0;
        var stop = Task.CompletedTask;
        using var subscription = session.Subscribe(_ =>
        {
            seen++;
            if (seen != 100)
                return;
            if (dispose)
                session.Dispose();
            else
                stop = session.StopAsync(CancellationToken.None);
        }, () => completed++);
        target.Ask("raw 500");
        await Eventually.Done(session.Completion);
        await Eventually.True(() => completed == 1, "the observer completes");
        await Eventually.Done(stop);
        if (dispose)
            Assert.Equal(100, seen);
        else
            Assert.InRange(seen, 100, 500);
    }

    [Fact]
    public async Task When_a_stream_has_stopped_its_observer_has_completed()
    {
        using var target = new LiveTarget();
        for (var round = 0; round < 20; round++)
        {
            await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
            var completed = false;
            var seen = 0;
            using var subscription = session.Subscribe(_ => seen++, () =>
            {
                Thread.Sleep(5);
                Volatile.Write(ref completed, true);
            });
            target.Ask("raw 30");
            await session.StopAsync(Cancellation);
            Assert.True(Volatile.Read(ref completed));
            Assert.Equal(30, seen);
        }
    }

    [Fact]
    public async Task A_stream_that_nobody_subscribed_to_is_disposed()
    {
        using var target = new LiveTarget();
        var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 10");
        await Eventually.Done(session.DisposeAsync().AsTask());
        await Eventually.Done(session.Completion);
        Assert.Equal(10, session.Health.Hits);
    }

    [Fact]
    public async Task Records_from_before_the_subscription_wait_for_it()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Tid).AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 1000");
        var seen = 0;
        using var subscription = session.Subscribe(_ => seen++);
        await session.StopAsync(Cancellation);
        Assert.Equal(1000, seen);
    }
}
