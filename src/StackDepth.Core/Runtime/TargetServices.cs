using Microsoft.Extensions.Logging;
using StackDepth.Compile;
using StackDepth.Diagnostics;
using StackDepth.Native.Link;
using StackDepth.Native.Processes;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;
using StackDepth.Symbols;

namespace StackDepth.Runtime;

/// <summary>
/// What a session does in user space for the processes that it observes: unwind tables, what is known of Python interpreters, names of frames, each where the query needs it; and one feed of mapping events for all of
/// them. To be disposed after the links, and before the maps.
/// </summary>
internal sealed class TargetServices : IDisposable
{
    private readonly MappingFeed? _feed;
    private readonly UnwindTableService? _tables;
    private readonly PythonService? _python;
    private readonly ProbeTarget? _target;
    private Task _lookingForTargets = Task.CompletedTask;

    private TargetServices(CompiledQuery compiled, KernelMaps maps, ProbeTarget? target, ResolveOptions resolve, ILogger log, SystemCalls sys)
    {
        _target = target;
        using var undo = new Undo();
        if (compiled.NeedsTables || compiled.UsesPython || compiled.Kept is not null || compiled.DeliversStacks)
            _feed = OpenFeed(log, sys);
        if (_feed is not null)
            undo.Add(_feed);
        if (compiled.NeedsTables)
            _tables = undo.Add(UnwindTableService.Start(maps, target, resolve, CountedFunctions.MarksFor(compiled.Ir.Counted), _feed, log, sys));
        if (compiled.UsesPython)
            _python = undo.Add(PythonService.Start(maps, target!, resolve, _feed, log, sys));
        if (compiled.NamesUserFrames)
            Names = FollowTargets(compiled, target, resolve, log);
        else if (compiled.Kept is not null || compiled.DeliversStacks)
            Names = new(feed: null);
        undo.Keep();
    }

    /// <summary>Names the frames that the query delivers; null where it delivers none.</summary>
    internal FrameNames? Names { get; }

    internal static TargetServices Start(CompiledQuery compiled, KernelMaps maps, ProbeTarget? target, ResolveOptions resolve, ILogger log, SystemCalls sys) =>
        new(compiled, maps, target, resolve, log, sys);

    /// <summary>Begins to load what the processes that are going to hit the probes have mapped, as far as that is known.</summary>
    internal void BeginPreload(ChildCommand? command)
    {
        _tables?.BeginPreload(command);
        _python?.BeginPreload(command);
    }

    /// <exception cref="KernelException">The kernel refused the maps' content.</exception>
    /// <exception cref="TargetNotFoundException">Frames of a function are to be counted that no file has.</exception>
    internal void WaitUntilPreloaded()
    {
        _tables?.WaitUntilPreloaded();
        _python?.WaitUntilPreloaded();
        _lookingForTargets.GetAwaiter().GetResult();
    }

    /// <summary>A command that waits at its gate is going to be observed.</summary>
    internal void FollowCommand(int pid) => Names?.FollowCommand(pid);

    /// <summary>What is known of the target's file; null where that is nothing.</summary>
    internal UnwindFileEntry? TargetEntry => _target is { } target ? _tables?.EntryOf(target) : null;

    public void Dispose()
    {
        // What went wrong is for WaitUntilPreloaded to say; here it only has to be over.
        ((IAsyncResult)_lookingForTargets).AsyncWaitHandle.WaitOne();
        _tables?.Dispose();
        _python?.Dispose();
        Names?.Dispose();
        _feed?.Dispose();
    }

    private FrameNames FollowTargets(CompiledQuery compiled, ProbeTarget? target, ResolveOptions resolve, ILogger log)
    {
        if (resolve.Pid is { } pid)
        {
            var one = Create();
            one.Follow(pid);
            return one;
        }
        // A command follows when it is there.
        if (compiled.FollowsCommand || target is null || UnwindFileKey.Of(target.File) is not { } file)
            return Create();
        var self = Environment.ProcessId;
        var all = Create(file, process => process != self);
        _lookingForTargets = Task.Run(() => all.FollowThoseWith(file));
        return all;

        FrameNames Create(UnwindFileKey? file = null, Func<int, bool>? among = null) => new(_feed, file, among, error => log.MappingsNotWatched(error.Message));
    }

    // What comes by it comes later without it, when it is met.
    private static MappingFeed? OpenFeed(ILogger log, SystemCalls sys)
    {
        try
        {
            return MappingFeed.Open(sys);
        }
        catch (KernelException refused)
        {
            log.MappingsNotWatched(refused.Message);
            return null;
        }
    }
}
