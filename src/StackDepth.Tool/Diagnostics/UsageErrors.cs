using System.CommandLine;
using System.CommandLine.Invocation;
using StackDepth.Tool.Output;

namespace StackDepth.Tool.Diagnostics;

/// <summary>Command lines that System.CommandLine refuses: said in the tool's own way, with the tool's own exit status.</summary>
internal static class UsageErrors
{
    /// <summary>Answers the exit status; null when the command line was understood.</summary>
    internal static int? Report(ParseResult parsed, TextWriter output)
    {
        if (parsed.Action is not ParseErrorAction)
            return null;
        var command = parsed.CommandResult.Command;
        foreach (var error in parsed.Errors)
            output.WriteLine($"stackdepth: {PrintableName.Of(error.Message)}");
        output.WriteLine($"Try 'stackdepth {(command == parsed.RootCommandResult.Command ? "" : command.Name + " ")}--help'.");
        return ExitStatus.Usage;
    }
}
