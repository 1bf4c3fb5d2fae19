using System.Collections.Immutable;
using System.Text;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>What the kernel tells of forks, execs, mappings and ends, carried over to the processes that are remembered. Not thread-safe, but for <see cref="Lost"/>.</summary>
internal sealed class MappingRecords
{
    private readonly ObservedProcesses _processes;
    private readonly SymbolContext _context;
    private readonly ImmutableArray<ulong> _targetInodes;
    private readonly Func<int, bool> _among;
    private long _completeUntil;
    private long _lost;
    private bool _hasLost;

    /// <param name="processes">The processes that are remembered.</param>
    /// <param name="context">What names are made with.</param>
    /// <param name="targets">Whoever maps one of these files is of interest.</param>
    /// <param name="among">Which processes with the target may be of interest at all.</param>
    /// <param name="since">Since when records come, by the kernel's boot clock; null when none do.</param>
    internal MappingRecords(ObservedProcesses processes, SymbolContext context, ImmutableArray<UnwindFileKey> targets, Func<int, bool> among, long? since)
    {
        (_processes, _context, _targetInodes, _among) = (processes, context, ImmutableArray.CreateRange(targets, static target => target.Inode), among);
        (_completeUntil, IsTold) = (since ?? 0, since is not null);
    }

    /// <summary>Records that the kernel found no room for.</summary>
    internal long Lost => Interlocked.Read(ref _lost);

    /// <summary>Whether what processes map is told.</summary>
    internal bool IsTold { get; private set; }

    internal void Take(PerfRecord record)
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
                _processes.End(record.ProcessId);
                break;
            case PerfRecordType.Lost:
                Interlocked.Add(ref _lost, Math.Max(record.LostCount, 0));
                _hasLost = true;
                break;
        }
    }

    /// <summary>All records until a time have been taken.</summary>
    internal void EndRound(long completeUntil)
    {
        if (_hasLost)
        {
            LookAgain();
        }

        _completeUntil = completeUntil;
    }

    /// <summary>No more records come.</summary>
    internal void Stop()
    {
        IsTold = false;
        LookAgain();
    }

    private void OnFork(int parentId, int childId, long time)
    {
        var parent = _processes.Living(parentId);
        _processes.End(childId);
        if (_processes.Last(childId) is { } former)
        {
            former.IsGone = true;
        }

        if (_targetInodes.IsEmpty && parent?.IsWanted != true)
        {
            return;
        }

        var child = new ObservedProcess(childId, time, isOlderThanWatch: false) { IsFollowed = parent?.IsFollowed == true, HasTarget = parent?.HasTarget == true };
        _processes.Add(child, parent?.Image.IsWhole == true, parent?.Image.History.Now ?? [], parent?.Image, time);
    }

    private void OnExec(int processId, long time)
    {
        if (_processes.Returning(processId) is { } process)
        {
            _processes.SetTarget(process, false);
            process.Begin(new ProgramImage(process, time, isWhole: true, [], process.Image));
        }
        else if (!_targetInodes.IsEmpty)
        {
            _processes.AddFound(processId, isOlderThanWatch: _processes.Last(processId) is null, isWhole: true, time);
        }
    }

    private void OnMapping(PerfRecord record)
    {
        var process = _processes.Returning(record.ProcessId);
        if (process is null && _targetInodes.IsEmpty)
        {
            return;
        }

        process ??= _processes.AddFound(record.ProcessId, isOlderThanWatch: _processes.Last(record.ProcessId) is null);
        var region = Region(record);
        process.Image.History.Add(record.Time, region);
        if (process.IsWanted)
        {
            process.Image.Pin(region, _context);
        }
        else if (region.Key.Inode != 0 && _targetInodes.Contains(region.Key.Inode) && _among(record.ProcessId))
        {
            _processes.SetTarget(process, true);
            if (!process.Image.IsWhole)
            {
                process.Look(0, IsTold, _context);
            }

            process.Image.PinAll(_context);
        }
        else
        {
            _processes.CountUnwantedRegion();
        }
    }

    private static MappedRegion Region(PerfRecord record)
    {
        var key = record.Inode == 0 ? default : new UnwindFileKey(record.Inode, UnwindFileKey.DeviceOf(record.Major, record.Minor));

        // "//anon" and "//enomem" are what the kernel calls memory without a name.
        var name = Encoding.UTF8.GetString(record.Path);
        return new(record.Start, record.Start + record.Length, record.FileOffset, key, name.StartsWith("//", StringComparison.Ordinal) ? string.Empty : name);
    }

    // What was lost may have been an exec, or anything: since the last round nothing is known but what is there now.
    private void LookAgain()
    {
        _hasLost = false;
        foreach (var process in _processes.ToArray())
        {
            if (process.IsEnded)
            {
                process.IsGone = true;
                continue;
            }

            process.Begin(new ProgramImage(process, _completeUntil, isWhole: false, [], process.Image));
            if (process.IsWanted)
            {
                process.Look(BootClock.Now, IsTold, _context);
            }
        }
    }
}
