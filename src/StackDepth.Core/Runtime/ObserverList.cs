using System.Collections.Immutable;
using System.Reactive.Disposables;
using Microsoft.Extensions.Logging;
using StackDepth.Diagnostics;

namespace StackDepth.Runtime;

/// <summary>
/// The observers of a stream, each on its own: one that throws leaves, and the others go on. (Rx's Subject would let its exception keep the rest from ever hearing again.)
/// </summary>
internal sealed class ObserverList<T>(ILogger log)
{
    private readonly Lock _gate = new();
    private ImmutableArray<IObserver<T>> _observers = [];
    private bool _ended;
    private Exception? _failure;

    /// <summary>Adds an observer until the answer is disposed. One that comes after the end hears of the end only.</summary>
    internal IDisposable Subscribe(IObserver<T> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        lock (_gate)
        {
            if (!_ended)
            {
                _observers = _observers.Add(observer);
                return Disposable.Create(() => Remove(observer));
            }
        }
        End(observer, _failure);
        return Disposable.Empty;
    }

    /// <summary>Hands a value to every observer. The exception of the last one left is thrown on: nobody listens any more.</summary>
    internal void OnNext(T value)
    {
        foreach (var observer in _observers)
        {
            try
            {
                observer.OnNext(value);
            }
            catch (Exception error)
            {
                Remove(observer);
                log.ObserverFailed(error);
                if (_observers.IsEmpty)
                    throw;
            }
        }
    }

    /// <summary>Tells every observer of the end. Answers the first exception that one of them threw, other than <paramref name="failure"/> handed back; null when none did.</summary>
    internal Exception? End(Exception? failure)
    {
        ImmutableArray<IObserver<T>> observers;
        lock (_gate)
        {
            _ended = true;
            _failure = failure;
            (observers, _observers) = (_observers, []);
        }
        Exception? thrown = null;
        foreach (var observer in observers)
        {
            try
            {
                End(observer, failure);
            }
            catch (Exception error)
            {
                // An observer without an error handler throws the error back (Rx's default): that must not end the host's process.
                if (!ReferenceEquals(error, failure))
                    thrown ??= error;
            }
        }
        return thrown;
    }

    private static void End(IObserver<T> observer, Exception? failure)
    {
        if (failure is null)
            observer.OnCompleted();
        else
            observer.OnError(failure);
    }

    private void Remove(IObserver<T> observer)
    {
        lock (_gate)
            _observers = _observers.Remove(observer);
    }
}
