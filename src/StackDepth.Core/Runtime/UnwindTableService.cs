using Microsoft.Extensions.Logging;
using StackDepth.Diagnostics;
using StackDepth.Native.Processes;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>
/// The unwind tables of a session: those that its targets are known to need are in the maps before the probes are attached, and those that the walker meets come as it asks. It must be
/// disposed after the links, and before the maps.
/// </summary>
internal sealed class UnwindTableService : IDisposable
{
    private readonly UnwindTableWriter _writer;
    private readonly UnwindSupplier _supplier;
    private readonly UnwindRequestServer _server;
    private Task _preload = Task.CompletedTask;

    private UnwindTableService(KernelMaps maps, ILogger log, SystemCalls sys)
    {
        _writer = new(maps[UnwindMaps.FilesName], maps[UnwindMaps.TablesName], maps[UnwindMaps.RulesName]);
        var cache = UnwindCache.OfUser();
        _supplier = new(_writer, (path, shownPath) => UnwindTables.Load(path, cache, shownPath).Table, UnwindTables.LoadVdso, notice => Tell(log, notice));
        _server = new(maps[UnwindMaps.RequestsName], _supplier, log.UnwindRequestsFailed, sys);
    }

    internal static UnwindTableService Start(KernelMaps maps, ILogger log, SystemCalls sys) => new(maps, log, sys);

    /// <summary>Begins to load what the processes that are going to hit the probes have mapped, as far as that is known.</summary>
    internal void BeginPreload(ProbeTarget target, ChildCommand? command, ResolveOptions resolve) => _preload = Task.Run(() => Preload(target, command, resolve));

    /// <exception cref="KernelException">The kernel refused the maps' content.</exception>
    internal void WaitUntilPreloaded() => _preload.GetAwaiter().GetResult();

    private void Preload(ProbeTarget target, ChildCommand? command, ResolveOptions resolve)
    {
        if (resolve.Pid is { } pid)
        {
            _supplier.PreloadProcess(pid);
            return;
        }
        _supplier.PreloadPrograms([target.Path, .. Programs(command, resolve)], resolve);
        if (command is null && UnwindFileKey.Of(target.File) is { } file)
            _supplier.PreloadProcessesWith([file]);
    }

    public void Dispose()
    {
        // What went wrong is for WaitUntilPreloaded to say; here it only has to be over.
        ((IAsyncResult)_preload).AsyncWaitHandle.WaitOne();
        _server.Dispose();
        _supplier.Dispose();
        _writer.Dispose();
    }

    /// <summary>The program that a command starts, and the one behind it where that is a script or a shim. What cannot be found is left to the command's own start to say.</summary>
    private static IEnumerable<string> Programs(ChildCommand? command, ResolveOptions resolve)
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

    private static void Tell(ILogger log, UnwindNotice notice)
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
