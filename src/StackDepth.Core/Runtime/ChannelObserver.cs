using System.Threading.Channels;

namespace StackDepth.Runtime;

/// <summary>Hands values from the session's thread to an asynchronous reader. Full, it holds the thread back, so that losses happen in one place only: the ring, where they are counted.</summary>
internal sealed class ChannelObserver<T> : IObserver<T>, IDisposable
{
    private const int Capacity = 4096;

    private readonly Channel<T> _channel = Channel.CreateBounded<T>(new BoundedChannelOptions(Capacity) { SingleReader = true, SingleWriter = true });
    private readonly CancellationTokenSource _left = new();

    internal ChannelReader<T> Reader => _channel.Reader;

    public void OnNext(T value)
    {
        while (!_channel.Writer.TryWrite(value))
        {
            if (_left.IsCancellationRequested || !WaitForRoom())
                return;
        }
    }

    public void OnError(Exception error) => _channel.Writer.TryComplete(error);

    public void OnCompleted() => _channel.Writer.TryComplete();

    /// <summary>The reader has left: nothing is to wait for it any more.</summary>
    public void Dispose() => _left.Cancel();

    private bool WaitForRoom()
    {
        try
        {
            return _channel.Writer.WaitToWriteAsync(_left.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
