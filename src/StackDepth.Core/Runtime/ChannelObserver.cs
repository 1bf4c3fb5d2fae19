using System.Threading.Channels;

namespace StackDepth.Runtime;

/// <summary>
/// Hands values from the session's thread to an asynchronous reader. A reader that is behind holds the thread back, so that losses happen in one place only: the ring, where they
/// are counted. Once the probes are detached no more comes than the ring still holds, and nobody waits: the reader may be the one who waits for the session to stop.
/// </summary>
internal sealed class ChannelObserver<T> : IObserver<T>, IDisposable
{
    private const int Capacity = 4096;

    // Several readers are allowed only because a channel for a single one does not count.
    private readonly Channel<T> _channel = Channel.CreateUnbounded<T>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly ManualResetEventSlim _room = new();
    private readonly CancellationTokenSource _unbounded;
    private volatile bool _left;

    internal ChannelObserver(CancellationToken detached) => _unbounded = CancellationTokenSource.CreateLinkedTokenSource(detached);

    /// <summary>The values. The reader calls <see cref="Taken"/> after each.</summary>
    internal ChannelReader<T> Reader => _channel.Reader;

    internal void Taken()
    {
        if (_channel.Reader.Count < Capacity)
            _room.Set();
    }

    public void OnNext(T value)
    {
        if (_channel.Reader.Count >= Capacity)
            WaitForRoom();
        if (!_left)
            _channel.Writer.TryWrite(value);
    }

    public void OnError(Exception error) => _channel.Writer.TryComplete(error);

    public void OnCompleted() => _channel.Writer.TryComplete();

    /// <summary>The reader has left: nothing is to wait for it any more.</summary>
    public void Dispose()
    {
        _left = true;
        _unbounded.Cancel();
    }

    private void WaitForRoom()
    {
        _room.Reset();
        if (_channel.Reader.Count < Capacity)
            return;
        try
        {
            _room.Wait(_unbounded.Token);
        }
        catch (OperationCanceledException)
        {
            // Detached, or left: either way there is nothing to wait for.
        }
    }
}
