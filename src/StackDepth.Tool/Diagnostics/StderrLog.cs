using Microsoft.Extensions.Logging;
using StackDepth.Tool.Output;

namespace StackDepth.Tool.Diagnostics;

/// <summary>The library's log on standard error, one line an event.</summary>
internal sealed class StderrLog : ILoggerProvider, ILogger
{
    internal static ILoggerFactory CreateFactory() => new LoggerFactory([new StderrLog()], new LoggerFilterOptions { MinLevel = LogLevel.Debug });

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var level = logLevel switch
        {
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            LogLevel.Error or LogLevel.Critical => "error",
            _ => "debug",
        };
        StandardStreams.Error.WriteLine($"stackdepth: {level}: {PrintableName.Of(formatter(state, exception))}");
        if (exception is not null)
            StandardStreams.Error.WriteLine(exception.ToString());
    }

    public void Dispose()
    {
    }
}
