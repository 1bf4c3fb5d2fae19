using System.Collections.Immutable;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>
/// Keeps what processes have mapped, from when they are first seen, so that their stacks can be named after they have ended, have unmapped a library or have become another program.
/// Of bounded size. Thread-safe.
/// </summary>
internal sealed class ProcessObserver : IMappingSink, IDisposable
{
    private readonly Lock _gate = new();
    private readonly SymbolContext _context;
    private readonly MappingFeed? _feed;
    private readonly Func<int, bool> _among;
    private readonly Action<Exception> _failed;
    private readonly ObservedProcesses _processes;
    private readonly MappingRecords _records;
    private bool _isDisposed;

    /// <param name="context">What names are made with.</param>
    /// <param name="feed">Tells of the mappings; the caller's, and disposed after this. Null: there are only those that are asked for.</param>
    /// <param name="targets">Whoever maps one of these files is of interest, beside those that are asked for.</param>
    /// <param name="among">Which processes with the target may be of interest at all.</param>
    /// <param name="failed">Told when the feed has failed.</param>
    internal ProcessObserver(SymbolContext context, MappingFeed? feed, ImmutableArray<UnwindFileKey> targets, Func<int, bool> among, Action<Exception> failed)
    {
        (_context, _feed, _among, _failed) = (context, feed, among, failed);
        var now = BootClock.Now;
        _processes = new(now);
        _records = new(_processes, context, targets, among, feed is null ? null : now);
        feed?.Add(this);
    }

    /// <summary>Records that the kernel found no room for.</summary>
    internal long Lost => _records.Lost;

    /// <summary>How many processes are remembered.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _processes.Count;
            }
        }
    }

    /// <summary>A process is of interest from now on, with all that it starts: looks at what it has mapped. False when there is none.</summary>
    /// <param name="processId">The process.</param>
    /// <param name="isBeforeExec">It is a command that still waits for its exec: what it has mapped now is not its own.</param>
    internal bool Follow(int processId, bool isBeforeExec = false)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return false;
            }

            var process = LivingOrFound(processId);
            _processes.Follow(process);
            return isBeforeExec ? ProcessStatus.Read(processId) is { } status && process.Recognize(status) : Look(process);
        }
    }

    /// <summary>The processes that have the target mapped now are of interest.</summary>
    /// <param name="target">The file.</param>
    internal void FindWith(UnwindFileKey target)
    {
        foreach (var (processId, _) in MappedExecutables.OfProcessesWith([target]))
        {
            lock (_gate)
            {
                if (!_isDisposed && _among(processId))
                {
                    var process = LivingOrFound(processId);
                    _processes.SetTarget(process, true);
                    Look(process);
                }
            }
        }
    }

    /// <summary>What a process had mapped.</summary>
    /// <param name="processId">The process.</param>
    /// <param name="startedAt">When it began: <c>start_boottime</c> of its first thread.</param>
    /// <param name="time">When the stack was walked; 0: what it has mapped now, or had last.</param>
    /// <param name="addresses">The stack.</param>
    /// <param name="isOwned">Whether the answer is the caller's to dispose.</param>
    /// <returns>Null when nothing is known of that very process.</returns>
    internal ProcessSymbols? Find(int processId, long startedAt, long time, ReadOnlySpan<ulong> addresses, out bool isOwned)
    {
        isOwned = false;
        _feed?.CatchUp();
        lock (_gate)
        {
            if (_isDisposed || processId <= 0)
            {
                return null;
            }

            var process = _processes.From(processId, startedAt) ?? FindLiving(processId, startedAt);
            if (process is not null && !process.Image.IsWhole)
            {
                Look(process);
            }

            if (process?.ImageAt(time) is not { } image)
            {
                return null;
            }

            isOwned = time != 0 && image.History.HasChangedSince(time, addresses);
            return isOwned ? image.At(time, _context) : image.Latest(_context);
        }
    }

    /// <summary>No more is told. Idempotent.</summary>
    public void Dispose()
    {
        _feed?.Remove(this);
        lock (_gate)
        {
            _isDisposed = true;
            _processes.Dispose();
        }
    }

    void IMappingSink.OnRecord(PerfRecord record)
    {
        lock (_gate)
        {
            _records.Take(record);
        }
    }

    void IMappingSink.OnRound(long completeUntil)
    {
        lock (_gate)
        {
            _records.EndRound(completeUntil);
        }
    }

    void IMappingSink.OnFailed(Exception error)
    {
        lock (_gate)
        {
            _records.Stop();
        }

        _failed(error);
    }

    private ObservedProcess LivingOrFound(int processId) => _processes.Living(processId) ?? _processes.AddFound(processId, isOlderThanWatch: true);

    private bool Look(ObservedProcess process) => process.Look(0, _records.IsTold, _context);

    // A process that nobody watched, as a last resort: as it is now.
    private ObservedProcess? FindLiving(int processId, long startedAt)
    {
        if (ProcessStatus.Read(processId) is not { } status || (startedAt != 0 && status.StartTicks != BootClock.Ticks(startedAt)))
        {
            return null;
        }

        _processes.End(processId);
        var process = new ObservedProcess(processId, 0, isOlderThanWatch: false) { IsFollowed = true };
        process.Recognize(status);
        return _processes.Add(process, isWhole: false, [], null, 0);
    }
}
