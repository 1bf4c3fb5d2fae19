using Microsoft.Extensions.Logging.Abstractions;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Runtime;

public sealed class ObserverListTests
{
    private readonly ObserverList<int> _list = new(NullLogger.Instance);

    [Fact]
    public void Each_observer_hears_every_value_and_the_end()
    {
        List<string> first = [], second = [];
        _list.Subscribe(Recorder(first));
        _list.OnNext(1);
        _list.Subscribe(Recorder(second));
        _list.OnNext(2);
        Assert.Null(_list.End(null));
        Assert.Equal(["1", "2", "completed"], first);
        Assert.Equal(["2", "completed"], second);
    }

    [Fact]
    public void One_that_throws_leaves_and_the_others_go_on()
    {
        List<string> seen = [];
        _list.Subscribe(System.Reactive.Observer.Create<int>(static _ => throw new InvalidTimeZoneException()));
        _list.Subscribe(Recorder(seen));
        _list.OnNext(1);
        _list.OnNext(2);
        Assert.Equal(["1", "2"], seen);
    }

    [Fact]
    public void The_exception_of_the_last_one_is_thrown_on()
    {
        _list.Subscribe(System.Reactive.Observer.Create<int>(static _ => throw new InvalidTimeZoneException()));
        Assert.Throws<InvalidTimeZoneException>(() => _list.OnNext(1));
        _list.OnNext(2);
    }

    [Fact]
    public void An_error_handler_that_throws_keeps_no_other_from_the_end()
    {
        List<string> seen = [];
        _list.Subscribe(System.Reactive.Observer.Create<int>(static _ => { }, static _ => throw new InvalidTimeZoneException()));
        _list.Subscribe(System.Reactive.Observer.Create<int>(static _ => { })); // Rx's default: throws the failure back
        _list.Subscribe(Recorder(seen));
        Assert.IsType<InvalidTimeZoneException>(_list.End(new InvalidOperationException("broken")));
        Assert.Equal(["error broken"], seen);
    }

    [Fact]
    public void Who_comes_late_hears_of_the_end_only_and_who_left_of_nothing()
    {
        List<string> left = [], late = [];
        _list.Subscribe(Recorder(left)).Dispose();
        _list.OnNext(1);
        _list.End(new InvalidOperationException("broken"));
        _list.Subscribe(Recorder(late));
        Assert.Empty(left);
        Assert.Equal(["error broken"], late);
    }

    private static IObserver<int> Recorder(List<string> seen) => System.Reactive.Observer.Create<int>(value => seen.Add($"{value}"), error => seen.Add($"error {error.Message}"), () => seen.Add("completed"));
}
