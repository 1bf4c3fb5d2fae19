using System.Text;
using StackDepth.Native.Link;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Has the tables of what processes map (a library that is opened at run time, the program of an exec) loaded when it is mapped, and not only when the walker has met it on a stack.
/// Only that: nothing is wrong where it comes too late, loses records or cannot be had. Disposed before the supplier.
/// </summary>
internal sealed class MappingWatch : IMappingSink, IDisposable
{
    private readonly MappingFeed _feed;
    private readonly Action<Exception> _failed;
    private readonly UnwindSupplier _supplier;
    private readonly WantedProcesses _wanted;
    private long _lost;
    private long _foreseen;

    /// <summary>Begins to watch.</summary>
    /// <param name="supplier">Loads the tables; the caller's.</param>
    /// <param name="wanted">Of which processes.</param>
    /// <param name="failed">Told, from the thread, when the events cannot be read any more.</param>
    /// <param name="feed">Tells of the mappings; the caller's, and disposed after this.</param>
    internal MappingWatch(UnwindSupplier supplier, WantedProcesses wanted, Action<Exception> failed, MappingFeed feed)
    {
        (_supplier, _wanted, _failed, _feed) = (supplier, wanted, failed, feed);
        feed.Add(this);
    }

    /// <summary>Records that the kernel found no room for.</summary>
    internal long Lost => Interlocked.Read(ref _lost);

    /// <summary>Mappings that were handed to the supplier, which may know their files already.</summary>
    internal long Foreseen => Interlocked.Read(ref _foreseen);

    /// <summary>Watches no more. Idempotent.</summary>
    public void Dispose() => _feed.Remove(this);

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

    void IMappingSink.OnRecord(PerfRecord record)
    {
        switch (record.Type)
        {
            case PerfRecordType.Mmap2:
                OnMapping(record);
                break;
            case PerfRecordType.Fork:
                _wanted.Forked(record.ParentId, record.ProcessId);
                break;
            case PerfRecordType.Comm when record.IsExec:
            case PerfRecordType.Exit when record.IsFirstThread:
                _wanted.Forget(record.ProcessId);
                break;
            case PerfRecordType.Lost:
                Interlocked.Add(ref _lost, Math.Max(record.LostCount, 0));
                break;
        }
    }

    void IMappingSink.OnRound(long completeUntil)
    {
    }

    void IMappingSink.OnFailed(Exception error) => _failed(error);
}
