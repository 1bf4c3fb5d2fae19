namespace StackDepth.Native.Symbols;

/// <summary>
/// The processes that are remembered, by their numbers: all that are of interest, of which so many may have ended, and, in a bounded number, those that are not, because they may yet become so.
/// Not thread-safe.
/// </summary>
internal sealed class ObservedProcesses : IDisposable
{
    private const int MostEnded = 16_384;
    private const int MostUnwanted = 65_536;
    private const int MostUnwantedRegions = 1_000_000;

    private readonly Dictionary<int, List<ObservedProcess>> _processes = [];
    private readonly Queue<ObservedProcess> _ended = [];
    private readonly long _since;
    private int _unwanted;
    private int _unwantedRegions;

    /// <param name="since">Since when forks are told.</param>
    internal ObservedProcesses(long since) => _since = since;

    internal int Count => _processes.Values.Sum(static list => list.Count);

    /// <summary>All, as they are now.</summary>
    internal ObservedProcess[] ToArray() => [.. _processes.Values.SelectMany(static list => list)];

    /// <summary>The process of a number that began at a time (<see cref="ObservedProcess.IsFrom"/>); null when it is not known.</summary>
    internal ObservedProcess? From(int processId, long startedAt) => _processes.GetValueOrDefault(processId)?.Find(each => each.IsFrom(startedAt, _since));

    /// <summary>The last process that had the number; null when there was none.</summary>
    internal ObservedProcess? Last(int processId) => _processes.GetValueOrDefault(processId)?[^1];

    /// <summary>The last process that had the number, if it has not ended.</summary>
    internal ObservedProcess? Living(int processId) => Last(processId) is { IsEnded: false } last ? last : null;

    /// <summary>
    /// The process of a number that does something. One whose first thread has ended goes on with its others, and an exec by one of those makes it the first (de_thread in the kernel's fs/exec.c).
    /// Another process of the number would have begun with a fork.
    /// </summary>
    internal ObservedProcess? Returning(int processId)
    {
        if (Last(processId) is not { IsGone: false } last)
        {
            return null;
        }

        last.IsEnded = false;
        return last;
    }

    /// <summary>Adds a process with its first program.</summary>
    internal ObservedProcess Add(ObservedProcess process, bool isWhole, IReadOnlyList<MappedRegion> mappings, ProgramImage? origin, long since)
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

    /// <summary>A process whose fork nobody told.</summary>
    /// <param name="processId">Its number.</param>
    /// <param name="isOlderThanWatch">As in <see cref="ObservedProcess"/>.</param>
    /// <param name="isWhole">As in <see cref="ProgramImage"/>.</param>
    /// <param name="since">When its program began.</param>
    internal ObservedProcess AddFound(int processId, bool isOlderThanWatch, bool isWhole = false, long since = 0) =>
        Add(new ObservedProcess(processId, 0, isOlderThanWatch), isWhole, [], null, since);

    /// <summary>The process is of interest, whatever program it runs.</summary>
    internal void Follow(ObservedProcess process)
    {
        Tally(process, -1);
        process.IsFollowed = true;
    }

    /// <summary>The process has the target mapped, or no longer.</summary>
    internal void SetTarget(ObservedProcess process, bool hasTarget)
    {
        Tally(process, -1);
        process.HasTarget = hasTarget;
        Tally(process, 1);
    }

    /// <summary>A process that is of no interest has mapped something.</summary>
    internal void CountUnwantedRegion()
    {
        if (++_unwantedRegions > MostUnwantedRegions)
        {
            ForgetUnwanted();
        }
    }

    /// <summary>The process of a number has ended, as far as is known.</summary>
    internal void End(int processId)
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

    public void Dispose()
    {
        foreach (var process in ToArray())
        {
            process.Dispose();
        }

        _processes.Clear();
        _ended.Clear();
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

    private void Forget(ObservedProcess process)
    {
        if (_processes.TryGetValue(process.ProcessId, out var list) && list.Remove(process) && list.Count == 0)
        {
            _processes.Remove(process.ProcessId);
        }

        process.Dispose();
    }
}
