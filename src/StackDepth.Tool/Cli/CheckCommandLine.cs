using System.CommandLine;
using StackDepth.Tool.Output;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary><c>stackdepth check</c>.</summary>
internal static class CheckCommandLine
{
    internal static Command Create(Flag verbose)
    {
        var format = Choices.Option("--format", "How the result is printed; table unless it is written.", ("table", OutputFormat.Table), ("json", OutputFormat.Json));
        var command = new Command("check", "Tell what this kernel and these privileges allow, and the remedy for each thing missing.");
        command.Options.Add(format);
        command.Options.Add(verbose);
        command.SetAction(parsed =>
        {
            var capabilities = Capabilities.Detect();
            if (format.In(parsed) is OutputFormat.Json)
            {
                using var output = StandardStreams.OpenOutput();
                CheckReport.WriteJson(capabilities, output);
            }
            else
            {
                CheckReport.WriteText(capabilities, StandardStreams.Output);
            }
            return capabilities.CanUProbe ? ExitStatus.Success : ExitStatus.CannotProbe;
        });
        return command;
    }
}
