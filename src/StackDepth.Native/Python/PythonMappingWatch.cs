using StackDepth.Native.Link;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Python;

/// <summary>
/// Tells where processes map files that are known to have a CPython, when they do, and not only when the program has met them. Only that: nothing is wrong where it comes too late, loses
/// records or cannot be had. Disposed before the supplier.
/// </summary>
internal sealed class PythonMappingWatch : IDisposable
{
    private readonly MappingEvents _events;
    private readonly PythonSupplier _supplier;
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Begins to watch.</summary>
    /// <param name="supplier">Whom to tell; the caller's.</param>
    /// <param name="failed">Told, from the thread, when the events cannot be read any more.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses the events.</exception>
    internal PythonMappingWatch(PythonSupplier supplier, Action<Exception> failed, SystemCalls sys)
    {
        (_supplier, _failed) = (supplier, failed);
        _events = MappingEvents.Open(sys);
        _thread = new Thread(Run) { IsBackground = true, Name = "StackDepth Python mappings" };
        _thread.Start();
    }

    /// <summary>Watches no more, and waits for the thread. Idempotent.</summary>
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
            var sink = new Sink(_supplier);
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

    private readonly struct Sink(PythonSupplier supplier) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            var mapping = new PerfRecord(record);
            if (mapping.Type == PerfRecordType.Mmap2 && mapping.IsExecutableFile)
            {
                supplier.Foresee(mapping.ProcessId, new UnwindFileKey(mapping.Inode, UnwindFileKey.DeviceOf(mapping.Major, mapping.Minor)), mapping.Start);
            }
        }
    }
}
