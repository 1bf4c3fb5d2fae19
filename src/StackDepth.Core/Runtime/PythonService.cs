using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using StackDepth.Diagnostics;
using StackDepth.Native.Link;
using StackDepth.Native.Processes;
using StackDepth.Native.Python;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>
/// What the program of a session has to know of CPythons: the files of its targets before the probes are attached, where processes map them when they do, and the rest as the program asks. It
/// must be disposed after the links, and before the maps.
/// </summary>
internal sealed class PythonService : IDisposable
{
    private readonly ImmutableArray<PlannedProbe> _probes;
    private readonly PythonSupplier _supplier;
    private readonly UnwindRequestServer _server;
    private readonly PythonMappingWatch? _watch;
    private Task _preload = Task.CompletedTask;

    private PythonService(KernelMaps maps, ImmutableArray<PlannedProbe> probes, MappingFeed? feed, ILogger log, SystemCalls sys)
    {
        _probes = probes;
        _supplier = new(maps[PythonMaps.FilesName], maps[PythonMaps.HintsName], notice => Tell(log, notice));
        _watch = feed is null ? null : new(_supplier, error => log.PythonsNotWatched(error.Message), feed);
        try
        {
            _server = new(maps[PythonMaps.RequestsName], _supplier.Serve, log.PythonRequestsFailed, sys);
        }
        catch
        {
            _watch?.Dispose();
            _supplier.Dispose();
            throw;
        }
    }

    /// <summary>Begins to serve the processes that are going to hit the probes.</summary>
    internal static PythonService Start(KernelMaps maps, ImmutableArray<PlannedProbe> probes, MappingFeed? feed, ILogger log, SystemCalls sys) => new(maps, probes, feed, log, sys);

    /// <summary>Begins to look at what the processes that are going to hit the probes have mapped, as far as that is known.</summary>
    internal void BeginPreload(ChildCommand? command) => _preload = Task.Run(() => Preload(command));

    /// <exception cref="KernelException">The kernel refused the maps' content.</exception>
    internal void WaitUntilPreloaded() => _preload.GetAwaiter().GetResult();

    public void Dispose()
    {
        // What went wrong is for WaitUntilPreloaded to say; here it only has to be over.
        ((IAsyncResult)_preload).AsyncWaitHandle.WaitOne();
        _watch?.Dispose();
        _server.Dispose();
        _supplier.Dispose();
    }

    private void Preload(ChildCommand? command)
    {
        foreach (var pid in UnwindTableService.ProcessIds(_probes))
            _supplier.PreloadProcess(pid);
        if (UnwindTableService.Open(_probes) is not [{ Resolve: var resolve }, ..] open)
            return;
        _supplier.PreloadPrograms([.. open.Select(static probe => probe.Place.Target?.Path).OfType<string>().Distinct(), .. UnwindTableService.Programs(command, resolve)], resolve);
        if (command is null && UnwindTableService.Files(_probes) is { IsEmpty: false } files)
            _supplier.PreloadProcessesWith(files);
    }

    private static void Tell(ILogger log, PythonNotice notice)
    {
        if (notice.Problem is { } problem)
            log.PythonUnsupported(notice.File, notice.Version, problem);
        else
            log.PythonFound(notice.File, notice.Version);
    }
}
