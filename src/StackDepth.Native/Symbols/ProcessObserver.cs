using System.Collections.Immutable;
using System.Text;
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
    private const int MostEnded = 16_384;
    private const int MostUnwanted = 65_536;
    private const int MostUnwantedRegions = 1_000_000;

    private readonly Lock _gate = new();
    private readonly SymbolContext _context;
    private readonly MappingFeed? _feed;
    private readonly ImmutableArray<ulong> _targetInodes;
    private readonly Func<int, bool> _among;
    private readonly Action<Exception> _failed;
    private readonly long _since;
    private readonly Dictionary<int, List<ObservedProcess>> _processes = [];
    private readonly Queue<ObservedProcess> _ended = [];
    private long _completeUntil;
    private long _lost;
    private int _unwanted;
    private int _unwantedRegions;
    private bool _hasLost;
    private bool _isTold;
    private bool _isDisposed;

    /// <param name="context">What names are made with.</param>
    /// <param name="feed">Tells of the mappings; the caller's, and disposed after this. Null: there are only those that are asked for.</param>
    /// <param name="targets">Whoever maps one of these files is of interest, beside those that are asked for.</param>
    /// <param name="among">Which processes with the target may be of interest at all.</param>
    /// <param name="failed">Told when the feed has failed.</param>
    internal ProcessObserver(SymbolContext context, MappingFeed? feed, ImmutableArray<UnwindFileKey> targets, Func<int, bool> among, Action<Exception> failed)
    {
        (_context, _feed, _targetInodes, _among, _failed) = (context, feed, ImmutableArray.CreateRange(targets, static target => target.Inode), among, failed);
        _since = _completeUntil = BootClock.Now;
        _isTold = feed is not null;
        feed?.Add(this);
    }

    /// <summary>Records that the kernel found no room for.</summary>
    internal long Lost => Interlocked.Read(ref _lost);

    /// <summary>How many processes are remembered.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _processes.Values.Sum(static list => list.Count);
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

            var process = Living(processId) ?? Add(new ObservedProcess(processId, 0, isOlderThanWatch: true), isWhole: false, [], null, 0);
            Tally(process, -1);
            process.IsFollowed = true;
            return isBeforeExec ? ProcessStatus.Read(processId) is { } status && process.Recognize(status) : Look(process, 0);
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
                    var process = Living(processId) ?? Add(new ObservedProcess(processId, 0, isOlderThanWatch: true), isWhole: false, [], null, 0);
                    Tally(process, -1);
                    process.HasTarget = true;
                    Look(process, 0);
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

            var process = _processes.GetValueOrDefault(processId)?.Find(each => each.IsFrom(startedAt, _since));
            process ??= FindLiving(processId, startedAt);
            if (process is not null && !process.Image.IsWhole)
            {
                Look(process, 0);
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
            foreach (var process in _processes.Values.SelectMany(static list => list))
            {
                process.Dispose();
            }

            _processes.Clear();
            _ended.Clear();
        }
    }

    void IMappingSink.OnRecord(PerfRecord record)
    {
        lock (_gate)
        {
            switch (record.Type)
            {
                case PerfRecordType.Fork when record.ParentId != record.ProcessId:
                    OnFork(record.ParentId, record.ProcessId, record.Time);
                    break;
                case PerfRecordType.Comm when record.IsExec:
                    OnExec(record.ProcessId, record.Time);
                    break;
                case PerfRecordType.Mmap2 when record.IsExecutable:
                    OnMapping(record);
                    break;
                case PerfRecordType.Exit when record.IsFirstThread:
                    End(record.ProcessId);
                    break;
                case PerfRecordType.Lost:
                    Interlocked.Add(ref _lost, Math.Max(record.LostCount, 0));
                    _hasLost = true;
                    break;
            }
        }
    }

    void IMappingSink.OnRound(long completeUntil)
    {
        lock (_gate)
        {
            if (_hasLost)
            {
                LookAgain();
            }

            _completeUntil = completeUntil;
        }
    }

    void IMappingSink.OnFailed(Exception error)
    {
        lock (_gate)
        {
            _isTold = false;
            LookAgain();
        }

        _failed(error);
    }

    private void OnFork(int parentId, int childId, long time)
    {
        var parent = Living(parentId);
        End(childId);
        if (_processes.GetValueOrDefault(childId) is [.., var former])
        {
            former.IsGone = true;
        }

        if (parent is null ? _targetInodes.IsEmpty : !parent.IsWanted && _targetInodes.IsEmpty)
        {
            return;
        }

        var child = new ObservedProcess(childId, time, isOlderThanWatch: false) { IsFollowed = parent?.IsFollowed == true, HasTarget = parent?.HasTarget == true };
        Add(child, parent?.Image.IsWhole == true, parent?.Image.History.Now ?? [], parent?.Image, time);
    }

    private void OnExec(int processId, long time)
    {
        var process = Returning(processId);
        if (process is null && _targetInodes.IsEmpty)
        {
            return;
        }

        if (process is null)
        {
            Add(new ObservedProcess(processId, 0, isOlderThanWatch: !HasBeen(processId)), isWhole: true, [], null, time);
            return;
        }

        Tally(process, -1);
        process.HasTarget = false;
        process.Begin(new ProgramImage(process, time, isWhole: true, [], process.Image));
        Tally(process, 1);
    }

    private void OnMapping(PerfRecord record)
    {
        var process = Returning(record.ProcessId);
        if (process is null && _targetInodes.IsEmpty)
        {
            return;
        }

        process ??= Add(new ObservedProcess(record.ProcessId, 0, isOlderThanWatch: !HasBeen(record.ProcessId)), isWhole: false, [], null, 0);
        var key = record.Inode == 0 ? default : new UnwindFileKey(record.Inode, UnwindFileKey.DeviceOf(record.Major, record.Minor));

        // "//anon" and "//enomem" are what the kernel calls memory without a name.
        var name = Encoding.UTF8.GetString(record.Path);
        var region = new MappedRegion(record.Start, record.Start + record.Length, record.FileOffset, key, name.StartsWith("//", StringComparison.Ordinal) ? string.Empty : name);
        process.Image.History.Add(record.Time, region);
        if (process.IsWanted)
        {
            process.Image.Pin(region, _context);
            return;
        }

        _unwantedRegions++;
        if (key.Inode != 0 && _targetInodes.Contains(key.Inode) && _among(record.ProcessId))
        {
            Tally(process, -1);
            process.HasTarget = true;
            if (!process.Image.IsWhole)
            {
                Look(process, 0);
            }

            Pin(process);
        }
        else if (_unwantedRegions > MostUnwantedRegions)
        {
            ForgetUnwanted();
        }
    }

    // The last process that had the number, if it has not ended.
    private ObservedProcess? Living(int processId) => _processes.GetValueOrDefault(processId) is [.., { IsEnded: false } last] ? last : null;

    // A process whose first thread has ended goes on with its others, and an exec by one of those makes it the first (de_thread in the kernel's fs/exec.c). Another process of the number
    // would have begun with a fork.
    private ObservedProcess? Returning(int processId)
    {
        if (_processes.GetValueOrDefault(processId) is not [.., { IsGone: false } last])
        {
            return null;
        }

        last.IsEnded = false;
        return last;
    }

    private bool HasBeen(int processId) => _processes.ContainsKey(processId);

    private ObservedProcess Add(ObservedProcess process, bool isWhole, IReadOnlyList<MappedRegion> mappings, ProgramImage? origin, long since)
    {
        process.Begin(new ProgramImage(process, since, isWhole, mappings, origin));
        if (_unwanted >= MostUnwanted)
        {
            ForgetUnwanted();
        }

        if (!_processes.TryGetValue(process.ProcessId, out var list))
        {
            _processes.Add(process.ProcessId, list = []);
        }

        list.Add(process);
        Tally(process, 1);
        return process;
    }

    private void Tally(ObservedProcess process, int change)
    {
        if (!process.IsWanted)
        {
            _unwanted += change;
        }
    }

    // Those that are wanted by and by are looked at in /proc then.
    private void ForgetUnwanted()
    {
        foreach (var (processId, list) in _processes.ToArray())
        {
            if (list.RemoveAll(static process => !process.IsWanted) > 0 && list.Count == 0)
            {
                _processes.Remove(processId);
            }
        }

        _unwanted = _unwantedRegions = 0;
    }

    private void End(int processId)
    {
        if (Living(processId) is not { } process)
        {
            return;
        }

        process.IsEnded = true;
        if (process.IsWanted)
        {
            _ended.Enqueue(process);
            if (_ended.Count > MostEnded && _ended.Dequeue() is { IsEnded: true } oldest)
            {
                Forget(oldest);
            }
        }
        else
        {
            Tally(process, -1);
            Forget(process);
        }
    }

    private void Forget(ObservedProcess process)
    {
        if (_processes.TryGetValue(process.ProcessId, out var list) && list.Remove(process) && list.Count == 0)
        {
            _processes.Remove(process.ProcessId);
        }

        process.Dispose();
    }

    // Looks at what a process has mapped now.
    private bool Look(ObservedProcess process, long since)
    {
        if (process.IsEnded)
        {
            return false;
        }

        // The number is checked after the mappings were read, so that they are not those of another process that got it.
        var regions = MapsReader.Read(process.ProcessId);
        if (regions.Count == 0 || ProcessStatus.Read(process.ProcessId) is not { } status || !process.Recognize(status))
        {
            return false;
        }

        process.Image.History.AddAll(since, regions);
        process.Image.IsWhole = _isTold;
        Pin(process);
        return true;
    }

    private void Pin(ObservedProcess process)
    {
        foreach (var region in process.Image.History.Now)
        {
            process.Image.Pin(region, _context);
        }
    }

    // A process that nobody watched, as a last resort: as it is now.
    private ObservedProcess? FindLiving(int processId, long startedAt)
    {
        if (ProcessStatus.Read(processId) is not { } status || (startedAt != 0 && status.StartTicks != BootClock.Ticks(startedAt)))
        {
            return null;
        }

        End(processId);
        var process = new ObservedProcess(processId, 0, isOlderThanWatch: false) { IsFollowed = true };
        process.Recognize(status);
        return Add(process, isWhole: false, [], null, 0);
    }

    // What was lost may have been an exec, or anything: since the last round nothing is known but what is there now.
    private void LookAgain()
    {
        _hasLost = false;
        foreach (var process in _processes.Values.SelectMany(static list => list).ToArray())
        {
            if (process.IsEnded)
            {
                process.IsGone = true;
                continue;
            }

            process.Begin(new ProgramImage(process, _completeUntil, isWhole: false, [], process.Image));
            if (process.IsWanted)
            {
                Look(process, BootClock.Now);
            }
        }
    }
}
