using System.Runtime.CompilerServices;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>
/// A session that streams values. Values wait in the ring buffer until the first observer subscribes. <c>OnNext</c> is called from one thread of the session's own, one call
/// at a time; the session may be disposed from anywhere, inside <c>OnNext</c> too (to block there until it has stopped would wait for itself). An observer that throws is
/// dropped; when it was the last one, the session stops and <see cref="Completion"/> has its exception.
/// </summary>
public sealed class ProbeStreamSession<T> : ProbeSession, IObservable<T>
{
    private readonly ObserverList<T> _observers;
    private readonly RecordPump<T> _pump;

    internal ProbeStreamSession(ProbeAttachment attachment, EventDecoder<T> decode)
        : base(attachment)
    {
        _observers = new(attachment.Log);
        _pump = new(attachment, decode, _observers);
    }

    /// <inheritdoc />
    public override Task Completion => _pump.Completion;

    /// <inheritdoc />
    public IDisposable Subscribe(IObserver<T> observer)
    {
        var subscription = _observers.Subscribe(observer);
        _pump.Start();
        return subscription;
    }

    /// <summary>The values as an asynchronous sequence, until the session stops. A reader that is too slow loses values in the ring buffer, counted; none in between.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var observer = new ChannelObserver<T>(_pump.Detached);
        using var subscription = Subscribe(observer);
        await foreach (var value in observer.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            observer.Taken();
            yield return value;
        }
    }

    /// <summary>Detaches the probes, delivers what is still in the ring buffer, and completes the observers.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await Task.Run(_pump.BeginStop, cancellationToken).ConfigureAwait(false);
        await _pump.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        _pump.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc />
    public override ValueTask DisposeAsync()
    {
        if (!_pump.IsOwnThread)
            return base.DisposeAsync();
        Dispose();
        return ValueTask.CompletedTask;
    }

    internal void StartCommand() => Attachment.StartCommand();

    /// <summary>Runs the command to its exit. A stream that breaks ends its command: nobody is left to watch it.</summary>
    internal async Task<int> RunCommandAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var command = Attachment.RunCommandAsync(ending.Token);
        if (await Task.WhenAny(command, Completion).ConfigureAwait(false) != command)
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await ((Task)command).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Completion.ConfigureAwait(false);
        }
        return await command.ConfigureAwait(false);
    }

    /// <summary>Starts the command and stops the session when it exits; what goes wrong reaches the observers. Cancelling ends the command.</summary>
    internal async Task RunCommandThenStopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RunCommandAsync(cancellationToken).ConfigureAwait(false);
            _pump.BeginStop();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The observer has left, and the session goes with it.
        }
        catch (Exception error)
        {
            _pump.Fail(error);
        }
    }
}
