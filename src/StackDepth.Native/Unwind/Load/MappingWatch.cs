using System.Text;
using StackDepth.Native.Link;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Has the tables of what processes map (a library that is opened at run time, the program of an exec) loaded when it is mapped, and not only when the walker has met it on a stack.
/// Only that: nothing is wrong where it comes too late, loses records or cannot be had. Disposed before the supplier.
/// </summary>
internal sealed class MappingWatch : IDisposable
{
    private readonly MappingEventLoop<Sink> _loop;
    private readonly UnwindSupplier _supplier;
    private readonly WantedProcesses _wanted;
    private long _lost;
    private long _foreseen;

    /// <summary>Begins to watch.</summary>
    /// <param name="supplier">Loads the tables; the caller's.</param>
    /// <param name="wanted">Of which processes.</param>
    /// <param name="failed">Told, from the thread, when the events cannot be read any more.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="dataPages">The size of each CPU's ring: a power of two.</param>
    /// <exception cref="KernelException">The kernel refuses the events.</exception>
    internal MappingWatch(UnwindSupplier supplier, WantedProcesses wanted, Action<Exception> failed, SystemCalls sys, int dataPages = MappingEvents.DefaultPages)
    {
        (_supplier, _wanted) = (supplier, wanted);
        _loop = new(MappingEvents.Open(sys, dataPages), new(this), failed, "StackDepth mappings");
    }

    /// <summary>Records that the kernel found no room for.</summary>
    internal long Lost => Interlocked.Read(ref _lost);

    /// <summary>Mappings that were handed to the supplier, which may know their files already.</summary>
    internal long Foreseen => Interlocked.Read(ref _foreseen);

    /// <summary>Watches no more, and waits for the thread. Idempotent.</summary>
    public void Dispose() => _loop.Dispose();

    private void OnMapping(PerfRecord record)
    {
        if (!record.IsExecutableFile)
        {
            return;
        }

        var mapping = new UnwindRequest(
            record.Inode, UnwindFileKey.DeviceOf(record.Major, record.Minor), record.ProcessId, record.Start, record.Start + record.Length, record.FileOffset);
        if (!_wanted.Wants(mapping.ProcessId, mapping.Key, out var learned))
        {
            return;
        }

        Interlocked.Increment(ref _foreseen);
        _supplier.Foresee(mapping, Encoding.UTF8.GetString(record.Path));
        if (learned)
        {
            _supplier.ForeseeProcess(mapping.ProcessId);
        }
    }

    private readonly struct Sink(MappingWatch watch) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            var event_ = new PerfRecord(record);
            switch (event_.Type)
            {
                case PerfRecordType.Mmap2:
                    watch.OnMapping(event_);
                    break;
                case PerfRecordType.Fork:
                    watch._wanted.Forked(event_.ParentId, event_.ProcessId);
                    break;
                case PerfRecordType.Comm when event_.IsExec:
                case PerfRecordType.Exit when event_.IsFirstThread:
                    watch._wanted.Forget(event_.ProcessId);
                    break;
                case PerfRecordType.Lost:
                    Interlocked.Add(ref watch._lost, Math.Max(event_.LostCount, 0));
                    break;
            }
        }
    }
}
