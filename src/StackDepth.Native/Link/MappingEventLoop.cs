using StackDepth.Native.Ring;

namespace StackDepth.Native.Link;

/// <summary>Reads mapping events on a thread of its own, until it is disposed.</summary>
/// <typeparam name="TSink">Gets the records, on that thread.</typeparam>
internal sealed class MappingEventLoop<TSink> : IDisposable
    where TSink : struct, IRecordSink
{
    private readonly MappingEvents _events;
    private readonly TSink _sink;
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Begins to read.</summary>
    /// <param name="events">The events; disposed with this.</param>
    /// <param name="sink">Gets them.</param>
    /// <param name="failed">Told, from the thread, when they cannot be read any more.</param>
    /// <param name="name">The thread's name.</param>
    internal MappingEventLoop(MappingEvents events, TSink sink, Action<Exception> failed, string name)
    {
        (_events, _sink, _failed) = (events, sink, failed);
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Reads no more, and waits for the thread. Idempotent.</summary>
    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _events.Wake();
        _thread.Join();
        _events.Dispose();
    }

    private void Run()
    {
        try
        {
            var sink = _sink;
            while (!_stopping)
            {
                _events.Wait();
                _events.Drain(ref sink);
            }
        }
        catch (Exception error)
        {
            // An exception that left the thread would end the host's process.
            _failed(error);
        }
    }
}
