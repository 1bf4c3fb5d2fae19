using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using StackDepth.Tool.Output;

namespace StackDepth.Tool.Diagnostics;

/// <summary>Command lines that make no sense: said in the tool's own way, with the tool's own exit status.</summary>
internal static class UsageErrors
{
    /// <summary>Answers the exit status; null when the command line was understood.</summary>
    internal static int? Report(ParseResult parsed, Func<TextWriter> error)
    {
        var sentences = Sentences(parsed);
        if (sentences.Length == 0)
            return null;
        var output = error();
        foreach (var sentence in sentences)
            output.WriteLine($"stackdepth: {PrintableName.Of(sentence)}");
        var command = parsed.CommandResult.Command;
        output.WriteLine($"Try 'stackdepth {(command == parsed.RootCommandResult.Command ? "" : command.Name + " ")}--help'.");
        return ExitStatus.Usage;
    }

    private static string[] Sentences(ParseResult parsed)
    {
        if (parsed.Action is HelpAction)
            return [];
        if (parsed.Action is ParseErrorAction && parsed.CommandResult == parsed.RootCommandResult)
            return [NoCommand(parsed)];
        var unknown = UnknownOptions.Of(parsed);
        return !unknown.IsEmpty ? [.. unknown]
            : parsed.Action is ParseErrorAction ? [.. parsed.Errors.Select(static error => error.Message)]
            : [];
    }

    private static string NoCommand(ParseResult parsed)
    {
        var commands = parsed.RootCommandResult.Command.Subcommands.Select(static command => command.Name).ToArray();
        return parsed.Tokens.Count == 0 ? $"Write what to do: {string.Join(", ", commands)}."
            : parsed.Tokens[0].Value is var first && first.TrimStart().StartsWith('-') ? $"Options stand after what to do: {string.Join(", ", commands)}."
            : first.Contains(':', StringComparison.Ordinal) ? $"Write 'run' before the probe: stackdepth run {first} ..."
            : NearestName.Of(first, commands) is { } meant ? $"Unknown command '{first}', did you mean {meant}?"
            : $"Unknown command '{first}': there are {string.Join(", ", commands)}.";
    }
}
