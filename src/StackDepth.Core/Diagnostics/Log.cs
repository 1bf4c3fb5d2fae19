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

    [LoggerMessage(4, LogLevel.Error, "The stream ended with an error")]
    internal static partial void StreamFailed(this ILogger logger, Exception error);
}
