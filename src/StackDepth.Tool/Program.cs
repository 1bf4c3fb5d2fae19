using System.CommandLine;
using StackDepth;
using StackDepth.Tool.Cli;
using StackDepth.Tool.Diagnostics;
using StackDepth.Tool.Output;

if (args is ["run", ..])
    Probe.WarmUp();
var tool = new ToolCommandLine();
ParseResult? parsed = null;
try
{
    parsed = tool.Parse(args);
    if (UsageErrors.Report(parsed, static () => StandardStreams.Error) is { } status)
        return status;
    // Signals are the run's own to handle: what was gathered is still to be printed.
    var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
    if (parsed.Action != parsed.CommandResult.Command.Action)
    {
        // Help and the like. The tool's own commands open their streams when they have something to say, after the probes are in place.
        configuration.Output = StandardStreams.Output;
        configuration.Error = StandardStreams.Error;
    }
    return parsed.Invoke(configuration);
}
catch (Exception error)
{
    return Failures.Report(error, parsed is not null && tool.IsVerbose(parsed), StandardStreams.Error);
}
