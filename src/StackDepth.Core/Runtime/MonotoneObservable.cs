using System.Numerics;

namespace StackDepth.Runtime;

/// <summary>Passes on only values beyond the last one: two CPUs can put their records into the ring in the other order than they set them.</summary>
internal sealed class MonotoneObservable<T>(IObservable<T> source, bool maximum) : IObservable<T>
    where T : struct, INumber<T>
{
    public IDisposable Subscribe(IObserver<T> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return source.Subscribe(new Filter(observer, maximum));
    }

    private sealed class Filter(IObserver<T> observer, bool maximum) : IObserver<T>
    {
        private T? _best;

        public void OnNext(T value)
        {
            if (_best is { } best && (maximum ? value <= best : value >= best))
                return;
            _best = value;
            observer.OnNext(value);
        }

        public void OnError(Exception error) => observer.OnError(error);

        public void OnCompleted() => observer.OnCompleted();
    }
}
