using System.CommandLine;
using System.CommandLine.Parsing;
using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Cli;

/// <summary>The command that <c>run</c> is to start: all that stands after <c>--</c>, and nothing else.</summary>
internal static class CommandWords
{
    internal static string[] Of(ParseResult parsed, Argument<string[]> words)
    {
        var command = parsed.GetValue(words) ?? [];
        if (Behind(parsed) is not { } behind)
        {
            return command is [] ? command
                : throw (IsProbe(command[0]) ? OneProbe(command[0]) : new($"Write '--' before the command, so that its options are not taken for the tool's: ... -- {string.Join(' ', command)}"));
        }
        var before = command.Length - behind;
        if (before < 0)
            throw new UsageException("PROBE is missing before '--': stackdepth run PROBE -- COMMAND.");
        if (before > 0)
            throw IsProbe(command[0]) ? OneProbe(command[0]) : new UsageException($"'{command[0]}' stands before '--', where only the probe and options may: write the whole command after '--'.");
        return command switch
        {
            [] => throw new UsageException("The command is missing after '--'."),
            ["", ..] => throw new UsageException("The command is empty: write a program's name after '--'."),
            _ => command,
        };
    }

    /// <summary>How many words stand behind the first <c>--</c>; null without one.</summary>
    private static int? Behind(ParseResult parsed)
    {
        for (var index = 0; index < parsed.Tokens.Count; index++)
        {
            if (parsed.Tokens[index].Type is TokenType.DoubleDash)
                return parsed.Tokens.Count - index - 1;
        }
        return null;
    }

    private static bool IsProbe(string word) => word.StartsWith("uprobe:", StringComparison.Ordinal) || word.StartsWith("u:", StringComparison.Ordinal);

    private static UsageException OneProbe(string word) => new($"Only one probe can be given, and '{word}' is a second one: use a glob for several functions.");
}
