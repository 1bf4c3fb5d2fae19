using System.CommandLine;
using StackDepth.Tool.Cli;
using StackDepth.Tool.Diagnostics;
using StackDepth.Tool.Output;

var tool = new ToolCommandLine();
ParseResult? parsed = null;
try
{
    parsed = tool.Parse(args);
    // Signals are the run's own to handle: what was gathered is still to be printed.
    return UsageErrors.Report(parsed, StandardStreams.Error)
        ?? await parsed.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = StandardStreams.Output,
            Error = StandardStreams.Error,
        }).ConfigureAwait(false);
}
catch (Exception error)
{
    return Failures.Report(error, parsed is not null && tool.IsVerbose(parsed), StandardStreams.Error);
}
