using StackDepth.Native.Load;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The user-space end of a stream's ring buffer.</summary>
internal sealed class RingConsumer : IDisposable
{
    private RingConsumer(RingReader reader, RingPoller poller)
    {
        Reader = reader;
        Poller = poller;
    }

    internal RingReader Reader { get; }

    internal RingPoller Poller { get; }

    internal static RingConsumer Open(BpfMap map, SystemCalls sys)
    {
        var reader = new RingReader(RingMemory.Map(map.Fd, map.Spec.MaxEntries, sys));
        try
        {
            return new(reader, new RingPoller(map.Fd, reader, sys));
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Poller.Dispose();
        Reader.Dispose();
    }
}
