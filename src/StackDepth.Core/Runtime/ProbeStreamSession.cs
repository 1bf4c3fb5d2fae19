using System.Reactive.Subjects;

namespace StackDepth;

/// <summary>
/// A session that streams values. Values wait in the ring buffer until the first observer subscribes. <c>OnNext</c> is called from one thread of the session's own, one call
/// at a time; the session may be disposed from anywhere, inside <c>OnNext</c> too.
/// </summary>
public sealed class ProbeStreamSession<T> : ProbeSession, IObservable<T>
{
    private readonly Subject<T> _subject = new();
    private readonly Runtime.RecordPump<T> _pump;

    internal ProbeStreamSession(Runtime.ProbeAttachment attachment, Runtime.EventDecoder<T> decode)
        : base(attachment) => _pump = new(attachment, decode, _subject);

    /// <inheritdoc />
    public override Task Completion => _pump.Completion;

    /// <inheritdoc />
    public IDisposable Subscribe(IObserver<T> observer)
    {
        var subscription = _subject.Subscribe(observer);
        _pump.Start();
        return subscription;
    }

    /// <summary>The values as an asynchronous sequence, until the session stops. A reader that is too slow loses values in the ring buffer, counted; none in between.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var observer = new Runtime.ChannelObserver<T>();
        using var subscription = Subscribe(observer);
        using var reading = observer;
        await foreach (var value in observer.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            yield return value;
    }

    /// <summary>Detaches the probes, delivers what is still in the ring buffer, and completes the observers.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await Task.Run(_pump.Stop, cancellationToken).ConfigureAwait(false);
        await _pump.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        _pump.Dispose();
        GC.SuppressFinalize(this);
    }

    internal Task<int> RunCommandAsync(CancellationToken cancellationToken) => Attachment.RunCommandAsync(cancellationToken);

    /// <summary>Starts the command and stops the session when it exits; what goes wrong reaches the observers.</summary>
    internal void StartCommandThenStop() => _ = RunThenStopAsync();

    private async Task RunThenStopAsync()
    {
        try
        {
            await Attachment.RunCommandAsync(CancellationToken.None).ConfigureAwait(false);
            await Task.Run(_pump.Stop).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            _pump.Fail(error);
        }
    }
}
