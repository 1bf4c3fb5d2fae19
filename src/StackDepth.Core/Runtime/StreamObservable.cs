using System.Diagnostics;
using System.Reactive.Disposables;

namespace StackDepth.Runtime;

/// <summary>A cold observable over a stream: each subscription is a session of its own, attached when Subscribe returns.</summary>
internal sealed class StreamObservable<T>(ProbeStream<T> stream, ProcessStartInfo? startInfo, AttachOptions? options) : IObservable<T>
{
    public IDisposable Subscribe(IObserver<T> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ProbeStreamSession<T> session;
        try
        {
            session = stream.Attach(options, startInfo, CancellationToken.None);
        }
        catch (Exception error)
        {
            // Rx's contract: what goes wrong while subscribing reaches the observer, and no subscription is left.
            observer.OnError(error);
            return Disposable.Empty;
        }
        // The observer leaves first: nothing reaches it after it has disposed, not even completion. Then the command ends, then the session.
        var command = new CancellationTokenSource();
        var subscription = StableCompositeDisposable.Create(session.Subscribe(observer), new CancellationDisposable(command), session);
        // Who was told of the end need not dispose.
        _ = session.Completion.ContinueWith(static (_, state) => ((IDisposable)state!).Dispose(), session, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        if (startInfo is not null)
            _ = session.RunCommandThenStopAsync(command.Token);
        return subscription;
    }
}
