using System.Runtime.InteropServices;
using StackDepth.Native.Load;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>The thread that takes the walker's requests from their ring and hands them to a supplier. Disposed before the supplier and the map.</summary>
internal sealed class UnwindRequestServer : IDisposable
{
    private readonly RingReader _reader;
    private readonly RingPoller _poller;
    private readonly Action<UnwindRequest> _serve;
    private readonly Action<Exception> _failed;
    private readonly Action<int>? _asked;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Begins to serve.</summary>
    /// <param name="requests">The ring; the caller's.</param>
    /// <param name="supplier">Who answers; the caller's.</param>
    /// <param name="failed">Told, from the thread, when the ring cannot be read any more: requests stay unanswered then.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="asked">Told, from the thread, of the process of each request.</param>
    /// <exception cref="KernelException">The ring cannot be mapped or watched.</exception>
    internal UnwindRequestServer(BpfMap requests, UnwindSupplier supplier, Action<Exception> failed, SystemCalls sys, Action<int>? asked = null)
        : this(requests, supplier.Serve, failed, sys, asked)
    {
    }

    /// <summary>Begins to serve.</summary>
    /// <param name="requests">The ring; the caller's.</param>
    /// <param name="serve">Answers a request, on the thread; what it throws ends the serving.</param>
    /// <param name="failed">Told, from the thread, when requests stay unanswered from now on.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="asked">Told, from the thread, of the process of each request.</param>
    /// <exception cref="KernelException">The ring cannot be mapped or watched.</exception>
    internal UnwindRequestServer(BpfMap requests, Action<UnwindRequest> serve, Action<Exception> failed, SystemCalls sys, Action<int>? asked = null)
    {
        _asked = asked;
        _serve = serve;
        _failed = failed;
        _reader = new RingReader(RingMemory.Map(requests.Fd, requests.Spec.MaxEntries, sys));
        try
        {
            _poller = new RingPoller(requests.Fd, _reader, sys);
        }
        catch
        {
            _reader.Dispose();
            throw;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "StackDepth unwind tables" };
        _thread.Start();
    }

    /// <summary>Takes no more requests, and waits for the thread. Idempotent.</summary>
    public void Dispose()
    {
        _stopping = true;
        _poller.Wake();
        _thread.Join();
        _poller.Dispose();
        _reader.Dispose();
    }

    private void Run()
    {
        try
        {
            var sink = new Sink(_serve, _asked);
            while (!_stopping)
            {
                if (_reader.Drain(ref sink) == 0)
                {
                    _poller.Wait(Timeout.InfiniteTimeSpan);
                }
            }
        }
        catch (Exception error)
        {
            // An exception that left the thread would end the host's process.
            _failed(error);
        }
    }

    private readonly struct Sink(Action<UnwindRequest> serve, Action<int>? asked) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            if (record.Length == UnwindRequest.Size)
            {
                var request = MemoryMarshal.Read<UnwindRequest>(record);
                serve(request);
                asked?.Invoke(request.ProcessId);
            }
        }
    }
}
