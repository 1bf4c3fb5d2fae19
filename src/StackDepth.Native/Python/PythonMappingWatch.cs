using StackDepth.Native.Link;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Python;

/// <summary>
/// Tells where processes map files that are known to have a CPython, when they do, and not only when the program has met them. Only that: nothing is wrong where it comes too late, loses
/// records or cannot be had. Disposed before the supplier.
/// </summary>
internal sealed class PythonMappingWatch : IMappingSink, IDisposable
{
    private readonly PythonSupplier _supplier;
    private readonly Action<Exception> _failed;
    private readonly MappingFeed _feed;

    /// <summary>Begins to watch.</summary>
    /// <param name="supplier">Whom to tell; the caller's.</param>
    /// <param name="failed">Told, from the thread, when the events cannot be read any more.</param>
    /// <param name="feed">Tells of the mappings; the caller's, and disposed after this.</param>
    internal PythonMappingWatch(PythonSupplier supplier, Action<Exception> failed, MappingFeed feed)
    {
        (_supplier, _failed, _feed) = (supplier, failed, feed);
        feed.Add(this);
    }

    /// <summary>Watches no more. Idempotent.</summary>
    public void Dispose() => _feed.Remove(this);

    void IMappingSink.OnRecord(PerfRecord record)
    {
        if (record.Type == PerfRecordType.Mmap2 && record.IsExecutableFile)
        {
            _supplier.Foresee(record.ProcessId, new UnwindFileKey(record.Inode, UnwindFileKey.DeviceOf(record.Major, record.Minor)), record.Start);
        }
    }

    void IMappingSink.OnRound(long completeUntil)
    {
    }

    void IMappingSink.OnFailed(Exception error) => _failed(error);
}
