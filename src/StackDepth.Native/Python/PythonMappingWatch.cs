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
    private readonly MappingEventLoop<Sink> _loop;

    /// <summary>Begins to watch.</summary>
    /// <param name="supplier">Whom to tell; the caller's.</param>
    /// <param name="failed">Told, from the thread, when the events cannot be read any more.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses the events.</exception>
    internal PythonMappingWatch(PythonSupplier supplier, Action<Exception> failed, SystemCalls sys)
    {
        _loop = new(MappingEvents.Open(sys), new(supplier), failed, "StackDepth Python mappings");
    }

    /// <summary>Watches no more, and waits for the thread. Idempotent.</summary>
    public void Dispose() => _loop.Dispose();

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
