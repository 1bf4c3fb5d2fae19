using System.Collections.Immutable;
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
    private Task _lookingForTargets = Task.CompletedTask;

    private TargetServices(CompiledQuery compiled, KernelMaps maps, ImmutableArray<PlannedProbe> probes, ILogger log, SystemCalls sys)
    {
        using var undo = new Undo();
        if (compiled.NeedsTables || compiled.UsesPython || compiled.Kept is not null || compiled.DeliversStacks)
            _feed = OpenFeed(log, sys);
        if (_feed is not null)
            undo.Add(_feed);
        if (compiled.NeedsTables)
            _tables = undo.Add(UnwindTableService.Start(maps, probes, CountedFunctions.MarksFor(compiled.Counted), _feed, log, sys));
        if (compiled.UsesPython)
            _python = undo.Add(PythonService.Start(maps, probes, _feed, log, sys));
        if (compiled.NamesUserFrames)
            Names = FollowTargets(compiled, probes, log);
        else if (compiled.Kept is not null || compiled.DeliversStacks)
            Names = new(feed: null);
        undo.Keep();
    }

    /// <summary>Names the frames that the query delivers; null where it delivers none.</summary>
    internal FrameNames? Names { get; }

    internal static TargetServices Start(CompiledQuery compiled, KernelMaps maps, ImmutableArray<PlannedProbe> probes, ILogger log, SystemCalls sys) => new(compiled, maps, probes, log, sys);

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

    /// <summary>What is known of a probed file; null where that is nothing.</summary>
    internal UnwindFileEntry? EntryOf(ProbeTarget? target) => target is null ? null : _tables?.EntryOf(target);

    public void Dispose()
    {
        // What went wrong is for WaitUntilPreloaded to say; here it only has to be over.
        ((IAsyncResult)_lookingForTargets).AsyncWaitHandle.WaitOne();
        _tables?.Dispose();
        _python?.Dispose();
        Names?.Dispose();
        _feed?.Dispose();
    }

    private FrameNames FollowTargets(CompiledQuery compiled, ImmutableArray<PlannedProbe> probes, ILogger log)
    {
        // A command follows when it is there.
        var files = compiled.FollowsCommand ? [] : UnwindTableService.Files(probes);
        var self = Environment.ProcessId;
        var names = new FrameNames(_feed, files, process => process != self, error => log.MappingsNotWatched(error.Message));
        foreach (var probe in probes)
        {
            if (probe.ProcessId is { } pid)
                names.Follow(pid);
        }
        if (!files.IsEmpty)
        {
            _lookingForTargets = Task.Run(() =>
            {
                foreach (var file in files)
                    names.FollowThoseWith(file);
            });
        }
        return names;
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
