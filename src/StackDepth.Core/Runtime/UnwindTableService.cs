using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using StackDepth.Compile;
using StackDepth.Diagnostics;
using StackDepth.Native.Link;
using StackDepth.Native.Processes;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>
/// The unwind tables of a session: those that its targets are known to need are in the maps before the probes are attached, those of what they map later come then, and those that the
/// walker meets come as it asks. It must be disposed after the links, and before the maps.
/// </summary>
internal sealed class UnwindTableService : IDisposable
{
    private readonly ILogger _log;
    private readonly ImmutableArray<PlannedProbe> _probes;
    private readonly FunctionMarks _marks;
    private readonly UnwindTableWriter _writer;
    private readonly UnwindSupplier _supplier;
    private readonly UnwindRequestServer _server;
    private readonly FollowedProcesses? _followed;
    private readonly WantedProcesses? _wanted;
    private readonly MappingWatch? _watch;
    private Task _preload = Task.CompletedTask;

    private UnwindTableService(KernelMaps maps, ImmutableArray<PlannedProbe> probes, FunctionMarks marks, MappingFeed? feed, ILogger log, SystemCalls sys)
    {
        (_log, _probes, _marks) = (log, probes, marks);
        _writer = new(maps[UnwindMaps.FilesName], maps[UnwindMaps.TablesName], maps[UnwindMaps.RulesName]);
        var cache = UnwindCache.OfUser();
        _supplier = new(_writer, (path, shownPath) => marks.Mark(UnwindTables.Load(path, cache, shownPath).Table, path, shownPath), UnwindTables.LoadVdso, notice => Tell(log, notice));
        try
        {
            _followed = maps.ByName.ContainsKey(MapNames.Followed) ? new(maps, sys) : null;
            _wanted = Wanted();
            _watch = _wanted is null || feed is null ? null : new(_supplier, _wanted, error => log.MappingsNotWatched(error.Message), feed);
        }
        catch (KernelException refused)
        {
            log.MappingsNotWatched(refused.Message);
        }
        try
        {
            _server = new(maps[UnwindMaps.RequestsName], _supplier, log.UnwindRequestsFailed, sys, pid => _wanted?.Learn(pid));
        }
        catch
        {
            _watch?.Dispose();
            _followed?.Dispose();
            _supplier.Dispose();
            _writer.Dispose();
            throw;
        }
    }

    /// <summary>Begins to serve the processes that are going to hit the probes.</summary>
    internal static UnwindTableService Start(KernelMaps maps, ImmutableArray<PlannedProbe> probes, FunctionMarks marks, MappingFeed? feed, ILogger log, SystemCalls sys) =>
        new(maps, probes, marks, feed, log, sys);

    /// <summary>Begins to load what the processes that are going to hit the probes have mapped, as far as that is known.</summary>
    internal void BeginPreload(ChildCommand? command) => _preload = Task.Run(() => Preload(command));

    /// <exception cref="KernelException">The kernel refused the maps' content.</exception>
    /// <exception cref="TargetNotFoundException">Frames of a function are to be counted that no file has.</exception>
    internal void WaitUntilPreloaded()
    {
        _preload.GetAwaiter().GetResult();
        ImmutableArray<ProbeTarget> targets = [.. _probes.Select(static probe => probe.Place.Target).OfType<ProbeTarget>()];
        if (!targets.IsEmpty)
            CountedFunctions.RequireFound(_marks, targets);
    }

    /// <summary>What is known of the target's file; null where that is nothing yet.</summary>
    internal UnwindFileEntry? EntryOf(ProbeTarget target) => UnwindFileKey.Of(target.File) is { } key ? _writer.Find(key) : null;

    /// <summary>The processes that are probed by themselves.</summary>
    internal static IEnumerable<int> ProcessIds(ImmutableArray<PlannedProbe> probes) => probes.Select(static probe => probe.ProcessId).OfType<int>().Distinct();

    /// <summary>The probes that more than one process can hit.</summary>
    internal static ImmutableArray<PlannedProbe> Open(ImmutableArray<PlannedProbe> probes) => [.. probes.Where(static probe => probe.ProcessId is null)];

    /// <summary>The files of those.</summary>
    internal static ImmutableArray<UnwindFileKey> Files(ImmutableArray<PlannedProbe> probes) =>
        [.. Open(probes).Select(static probe => probe.Place.Target is { } target ? UnwindFileKey.Of(target.File) : null).OfType<UnwindFileKey>().Distinct()];

    private void Preload(ChildCommand? command)
    {
        foreach (var pid in ProcessIds(_probes))
        {
            _wanted?.Learn(pid);
            _supplier.PreloadProcess(pid);
        }
        if (Open(_probes) is not [{ Resolve: var resolve }, ..] open)
            return;
        _supplier.PreloadPrograms([.. open.Select(static probe => probe.Place.Target?.Path).OfType<string>().Distinct(), .. Programs(command, resolve)], resolve);
        if (command is null && Files(_probes) is { IsEmpty: false } files)
            _supplier.PreloadProcessesWith(files, pid => _wanted?.Learn(pid));
    }

    public void Dispose()
    {
        // What went wrong is for WaitUntilPreloaded to say; here it only has to be over.
        ((IAsyncResult)_preload).AsyncWaitHandle.WaitOne();
        _watch?.Dispose();
        _server.Dispose();
        _followed?.Dispose();
        _supplier.Dispose();
        _writer.Dispose();
        if (_watch is not null)
            _log.MappingsWatched(_watch.Foreseen, _watch.Lost);
    }

    /// <summary>Whose mappings are of use; null where that cannot be told.</summary>
    private WantedProcesses? Wanted()
    {
        HashSet<int> named = [.. ProcessIds(_probes)];
        var open = Open(_probes);
        if (open.IsEmpty)
            return named is { Count: 1 } ? WantedProcesses.Only(named.First()) : WantedProcesses.Among(named.Contains);
        var self = Environment.ProcessId;
        Func<int, bool> among = _followed is { } followed ? followed.Contains : pid => pid != self;
        if (open.All(static probe => probe.Place.Target is { } target && UnwindFileKey.Of(target.File) is not null))
            return WantedProcesses.With(Files(_probes), among);
        return _followed is null ? null : WantedProcesses.Among(among);
    }

    /// <summary>The program that a command starts, and the one behind it where that is a script or a shim. What cannot be found is left to the command's own start to say.</summary>
    internal static IEnumerable<string> Programs(ChildCommand? command, ResolveOptions resolve)
    {
        if (command is null)
            return [];
        try
        {
            var locator = new BinaryLocator(resolve);
            var program = locator.Locate(command.FileName);
            return ScriptTarget.TryRead(program) is { } script ? [program.Path, ScriptTarget.Follow(program, command.FileName, script, locator).Path] : [program.Path];
        }
        catch (TargetException)
        {
            return [];
        }
    }

    internal static void Tell(ILogger log, UnwindNotice notice)
    {
        switch (notice.Outcome)
        {
            case UnwindOutcome.Loaded:
                log.UnwindTableLoaded(notice.File, notice.Rows);
                break;
            case UnwindOutcome.NoTable:
                log.UnwindTableMissing(notice.File, notice.Detail);
                break;
            case UnwindOutcome.Gone:
                log.UnwindTableGone(notice.File, notice.Detail);
                break;
            default:
                log.UnwindTableUnusable(notice.Error, notice.File, notice.Detail);
                break;
        }
    }
}
