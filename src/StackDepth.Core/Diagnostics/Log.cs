using Microsoft.Extensions.Logging;

namespace StackDepth.Diagnostics;

/// <summary>What the library logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Probes attached in {Binary}: {Sites}, by {Kind}")]
    internal static partial void Attached(this ILogger logger, int sites, string binary, string kind);

    [LoggerMessage(2, LogLevel.Information, "{Note}")]
    internal static partial void TargetNote(this ILogger logger, string note);

    [LoggerMessage(3, LogLevel.Information, "Stopped: {Health}")]
    internal static partial void Stopped(this ILogger logger, ProbeHealth health);

    [LoggerMessage(5, LogLevel.Warning, "Stopped, with losses: {Health}")]
    internal static partial void StoppedWithLosses(this ILogger logger, ProbeHealth health);

    [LoggerMessage(6, LogLevel.Error, "An observer threw and was dropped")]
    internal static partial void ObserverFailed(this ILogger logger, Exception error);

    [LoggerMessage(7, LogLevel.Debug, "Unwind table of {File}: {Rows} rows")]
    internal static partial void UnwindTableLoaded(this ILogger logger, string file, int rows);

    [LoggerMessage(8, LogLevel.Information, "No unwind table for {File}: {Detail}")]
    internal static partial void UnwindTableMissing(this ILogger logger, string file, string? detail);

    [LoggerMessage(9, LogLevel.Debug, "An unwind table is not needed any more: {File} ({Detail})")]
    internal static partial void UnwindTableGone(this ILogger logger, string file, string? detail);

    [LoggerMessage(10, LogLevel.Warning, "The unwind table of {File} cannot be used, so stacks through it are broken: {Detail}")]
    internal static partial void UnwindTableUnusable(this ILogger logger, Exception? error, string file, string? detail);

    [LoggerMessage(11, LogLevel.Error, "Unwind tables are not loaded on request any more, so stacks through files that were not known before are broken")]
    internal static partial void UnwindRequestsFailed(this ILogger logger, Exception error);

    [LoggerMessage(12, LogLevel.Debug, "New mappings are not watched, so the tables of libraries that are opened later come when a stack has met them: {Reason}")]
    internal static partial void MappingsNotWatched(this ILogger logger, string reason);

    [LoggerMessage(13, LogLevel.Debug, "New mappings watched: {Foreseen} were of wanted processes, {Lost} records were lost")]
    internal static partial void MappingsWatched(this ILogger logger, long foreseen, long lost);

    [LoggerMessage(20, LogLevel.Debug, "CPython {Version} in {File}")]
    internal static partial void PythonFound(this ILogger logger, string file, string? version);

    [LoggerMessage(21, LogLevel.Warning, "The Python frames of {File} (CPython {Version}) cannot be counted: {Problem}")]
    internal static partial void PythonUnsupported(this ILogger logger, string file, string? version, string problem);

    [LoggerMessage(22, LogLevel.Debug, "New mappings are not watched, so where a process has mapped its Python is known when a probe has met it: {Reason}")]
    internal static partial void PythonsNotWatched(this ILogger logger, string reason);

    [LoggerMessage(23, LogLevel.Error, "Pythons are not looked for on request any more, so the Python frames of processes that were not known before cannot be counted")]
    internal static partial void PythonRequestsFailed(this ILogger logger, Exception error);

    [LoggerMessage(24, LogLevel.Error, "The last result could not be read when the session was disposed of: there is none")]
    internal static partial void NotRead(this ILogger logger, Exception error);

    [LoggerMessage(4, LogLevel.Error, "The stream ended with an error")]
    internal static partial void StreamFailed(this ILogger logger, Exception error);
}
