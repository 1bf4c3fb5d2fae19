using System.Collections.Immutable;
using StackDepth.Native.Link;
using StackDepth.Native.Symbols;
using StackDepth.Native.Unwind;

namespace StackDepth.Symbols;

/// <summary>
/// Names the frames of a session, of processes that may have ended since: it keeps what they have mapped from when they are first seen. Throws nothing on account of what a target did: what is
/// not known has no module and no symbol. Thread-safe. To be disposed before its feed.
/// </summary>
internal sealed class FrameNames : IDisposable
{
    private readonly Symbolizer _symbolizer = Symbolizer.Create();
    private readonly ProcessObserver _observer;

    /// <param name="feed">The session's mapping events, which it may share with others; the caller's. Null where the kernel refuses them: then only processes that live when they are asked for are named.</param>
    /// <param name="targets">Who maps one of these files is of interest; none: only those that are followed.</param>
    /// <param name="among">Which of them may be of interest at all; all if null. Asked from another thread.</param>
    /// <param name="failed">Told, from another thread, when the events cannot be read any more.</param>
    internal FrameNames(MappingFeed? feed, ImmutableArray<UnwindFileKey> targets = default, Func<int, bool>? among = null, Action<Exception>? failed = null) =>
        _observer = new(_symbolizer.Context, feed, targets.IsDefault ? [] : targets, among ?? (static _ => true), failed ?? (static _ => { }));

    /// <summary>Mapping events that were lost: processes that ended meanwhile may have no names.</summary>
    internal long Lost => _observer.Lost;

    /// <summary>How many processes are remembered.</summary>
    internal int Processes => _observer.Count;

    /// <summary>A process is of interest, with all that it starts. False when there is no such process.</summary>
    internal bool Follow(int pid) => _observer.Follow(pid);

    /// <summary>A command that still waits at its gate is of interest, with all that it starts. False when there is no such process.</summary>
    internal bool FollowCommand(int pid) => _observer.Follow(pid, isBeforeExec: true);

    /// <summary>Those that have the target mapped already are of interest. Reads the mappings of all processes.</summary>
    internal void FollowThoseWith(UnwindFileKey target) => _observer.FindWith(target);

    /// <summary>Names a user stack, the innermost address first.</summary>
    /// <param name="pid">The process, by its number in our pid namespace.</param>
    /// <param name="startedAt">When it began: <c>start_boottime</c> of its first thread; 0 where that is not known.</param>
    /// <param name="addresses">The stack.</param>
    /// <param name="leafIsExact">Whether the first address is an instruction's own, and not where a call returns to.</param>
    /// <param name="at">
    /// When the stack was walked, by <c>bpf_ktime_get_boot_ns</c>: names are by what was mapped then. 0: by the last program that the process ran, and what it mapped last.
    /// </param>
    internal ImmutableArray<StackFrame> Name(int pid, long startedAt, ReadOnlySpan<ulong> addresses, bool leafIsExact = true, long at = 0)
    {
        var process = _observer.Find(pid, startedAt, at, addresses, out var isOwned);
        try
        {
            return process is null ? Unnamed(addresses) : _symbolizer.NameUser(process, addresses, leafIsExact);
        }
        finally
        {
            if (isOwned)
                process?.Dispose();
        }
    }

    /// <summary>Names a kernel stack, the innermost address first.</summary>
    internal ImmutableArray<StackFrame> NameKernel(ReadOnlySpan<ulong> addresses, bool leafIsExact = true) => _symbolizer.NameKernel(addresses, leafIsExact);

    public void Dispose()
    {
        _observer.Dispose();
        _symbolizer.Dispose();
    }

    private static ImmutableArray<StackFrame> Unnamed(ReadOnlySpan<ulong> addresses)
    {
        var frames = ImmutableArray.CreateBuilder<StackFrame>(addresses.Length);
        foreach (var address in addresses)
            frames.Add(new(address, null, null, 0));
        return frames.MoveToImmutable();
    }
}
