using System.Reactive.Linq;
using System.Reactive.Subjects;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Runtime;

public sealed class ObserverTests
{
    [Fact]
    public void A_live_maximum_passes_on_only_what_is_beyond_all_before() => Assert.Equal([3, 5, 8], Records([3, 5, 4, 5, 8, 1, 8], maximum: true));

    [Fact]
    public void A_live_minimum_passes_on_only_what_is_beyond_all_before() => Assert.Equal([3, 2, -1], Records([3, 5, 2, 2, -1, 0], maximum: false));

    [Fact]
    public void The_first_value_is_a_record_even_if_it_is_zero_or_the_worst()
    {
        Assert.Equal([0], Records([0], maximum: true));
        Assert.Equal([int.MinValue, 1], Records([int.MinValue, 1], maximum: true));
        Assert.Equal([int.MaxValue], Records([int.MaxValue, int.MaxValue], maximum: false));
    }

    [Fact]
    public void Each_subscription_has_records_of_its_own()
    {
        var observable = new MonotoneObservable<int>(Observable.Range(1, 2), maximum: true);

        Assert.Equal([1, 2], observable.ToList().Wait());
        Assert.Equal([1, 2], observable.ToList().Wait());
    }

    [Fact]
    public void Errors_and_the_end_pass_through_and_the_subscription_is_the_source_s()
    {
        using var source = new Subject<int>();
        var observable = new MonotoneObservable<int>(source, maximum: true);
        List<string> seen = [];
        using (observable.Subscribe(value => seen.Add($"{value}"), error => seen.Add(error.Message), () => seen.Add("end")))
            source.OnNext(1);
        Assert.False(source.HasObservers);
        using var failing = observable.Subscribe(_ => { }, error => seen.Add(error.Message));
        source.OnError(new InvalidOperationException("broken"));

        Assert.Equal(["1", "broken"], seen);
        Assert.Equal(["end"], End());
        Assert.Throws<ArgumentNullException>(() => observable.Subscribe(null!));

        static List<string> End()
        {
            List<string> seen = [];
            new MonotoneObservable<int>(Observable.Empty<int>(), maximum: true).Subscribe(_ => { }, () => seen.Add("end")).Dispose();
            return seen;
        }
    }

    [Fact]
    public async Task A_channel_hands_over_every_value_in_order_and_holds_a_fast_sender_back()
    {
        const int Count = 20_000;
        using var observer = new ChannelObserver<int>(CancellationToken.None);
        var sender = Task.Run(() =>
        {
            for (var value = 0; value < Count; value++)
                observer.OnNext(value);
            observer.OnCompleted();
        }, TestContext.Current.CancellationToken);

        List<int> values = [];
        await foreach (var value in observer.Reader.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            values.Add(value);
            Assert.InRange(observer.Reader.Count, 0, 4_096);
            observer.Taken();
        }
        await sender;

        Assert.Equal(Enumerable.Range(0, Count), values);
    }

    [Fact]
    public async Task An_error_reaches_the_reader_after_the_values_before_it()
    {
        using var observer = new ChannelObserver<int>(CancellationToken.None);
        observer.OnNext(1);
        observer.OnError(new InvalidOperationException("broken"));

        Assert.Equal(1, await observer.Reader.ReadAsync(TestContext.Current.CancellationToken));
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => observer.Reader.Completion.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("broken", error.Message);
    }

    [Fact]
    public async Task A_reader_that_leaves_frees_a_sender_that_waits_for_room()
    {
        using var observer = new ChannelObserver<int>(CancellationToken.None);
        var sent = 0;
        var sender = Task.Run(() =>
        {
            for (; sent < 10_000; sent++)
                observer.OnNext(sent);
        }, TestContext.Current.CancellationToken);
        // The sender fills the channel before it can wait.
        while (observer.Reader.Count < 4_096)
            await Task.Yield();

        Assert.False(sender.IsCompleted);
        observer.Dispose();
        await sender;
        Assert.Equal(10_000, sent);
    }

    [Fact]
    public async Task A_sender_whose_probes_are_detached_waits_for_nobody()
    {
        using var detached = new CancellationTokenSource();
        using var observer = new ChannelObserver<int>(detached.Token);
        var sender = Task.Run(() =>
        {
            for (var value = 0; value < 10_000; value++)
                observer.OnNext(value);
        }, TestContext.Current.CancellationToken);
        while (observer.Reader.Count < 4_096)
            await Task.Yield();

        await detached.CancelAsync();
        await sender;
        Assert.Equal(10_000, observer.Reader.Count);
    }

    private static IList<int> Records(int[] values, bool maximum) => new MonotoneObservable<int>(values.ToObservable(), maximum).ToList().Wait();
}
