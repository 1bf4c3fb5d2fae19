using System.Collections.Immutable;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The processes whose new mappings are worth a table: one that is given, or those that have mapped the target, their forks, and those that the walker asked for. Thread-safe, and
/// of bounded size: what it forgets or never knew, the walker asks for.
/// </summary>
internal sealed class WantedProcesses
{
    private const int Most = 65536;

    private readonly Lock _gate = new();
    private readonly HashSet<int> _learned = [];
    private readonly int _only;
    private readonly ImmutableArray<ulong> _targetInodes;
    private readonly Func<int, bool> _among;

    private WantedProcesses(int only, ImmutableArray<ulong> targetInodes, Func<int, bool> among) => (_only, _targetInodes, _among) = (only, targetInodes, among);

    /// <summary>How many were learned and are not forgotten.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _learned.Count;
            }
        }
    }

    internal static WantedProcesses Only(int processId) => new(processId, [], static _ => false);

    /// <summary>Those that map a file, and whatever they become.</summary>
    /// <param name="target">The file, by <c>stat(2)</c>. Its inode alone decides: where that and the kernel's mappings disagree about the device (btrfs), a process too many costs only time.</param>
    /// <param name="among">Which processes may be wanted at all; asked from several threads.</param>
    internal static WantedProcesses With(UnwindFileKey target, Func<int, bool> among) => With([target], among);

    /// <summary>Those that map one of several files.</summary>
    internal static WantedProcesses With(ImmutableArray<UnwindFileKey> targets, Func<int, bool> among) => new(0, ImmutableArray.CreateRange(targets, static target => target.Inode), among);

    /// <summary>Those that <paramref name="among"/> names, whatever they map.</summary>
    internal static WantedProcesses Among(Func<int, bool> among) => new(0, default, among);

    /// <summary>Whether a new mapping is wanted.</summary>
    /// <param name="processId">Whose.</param>
    /// <param name="key">Of what.</param>
    /// <param name="learned">Whether the process became wanted by it: what it mapped before was not looked at.</param>
    internal bool Wants(int processId, UnwindFileKey key, out bool learned)
    {
        learned = false;
        if (_only != 0)
        {
            return processId == _only;
        }

        lock (_gate)
        {
            if (_learned.Contains(processId))
            {
                return true;
            }
        }

        return (_targetInodes.IsDefault || _targetInodes.Contains(key.Inode)) && (learned = Learn(processId));
    }

    /// <summary>A process is one of them, where it may be.</summary>
    internal bool Learn(int processId)
    {
        if (_only != 0 || !_among(processId))
        {
            return false;
        }

        Add(processId);
        return true;
    }

    /// <summary>A process has a child, which has its mappings.</summary>
    internal void Forked(int parentId, int childId)
    {
        bool wanted;
        lock (_gate)
        {
            wanted = parentId != childId && _learned.Contains(parentId);
        }

        // Whether the child may be is not asked: the record of the fork can be here before whoever keeps account of that knows of it.
        if (wanted)
        {
            Add(childId);
        }
    }

    /// <summary>A process has ended, or become another program.</summary>
    internal void Forget(int processId)
    {
        lock (_gate)
        {
            _learned.Remove(processId);
        }
    }

    private void Add(int processId)
    {
        lock (_gate)
        {
            if (_learned.Count >= Most)
            {
                _learned.Clear();
            }

            _learned.Add(processId);
        }
    }
}
