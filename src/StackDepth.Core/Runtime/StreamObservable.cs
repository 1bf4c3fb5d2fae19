using System.Diagnostics;
using System.Reactive.Disposables;

namespace StackDepth.Runtime;

/// <summary>A cold observable over a stream: each subscription is a session of its own, attached when Subscribe returns.</summary>
internal sealed class StreamObservable<T>(ProbeStream<T> stream, ProcessStartInfo? command, AttachOptions? options) : IObservable<T>
{
    public IDisposable Subscribe(IObserver<T> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ProbeStreamSession<T> session;
        try
        {
            session = stream.Attach(options, command, CancellationToken.None);
        }
        catch (Exception error)
        {
            // Rx's contract: what goes wrong while subscribing reaches the observer, and no subscription is left.
            observer.OnError(error);
            return Disposable.Empty;
        }
        // The observer leaves first: nothing reaches it after it has disposed, not even completion.
        var subscription = StableCompositeDisposable.Create(session.Subscribe(observer), session);
        if (command is not null)
            session.StartCommandThenStop();
        return subscription;
    }
}
