using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;

namespace StackDepth.Tool.Diagnostics;

/// <summary>
/// Words before <c>--</c> that look like options and are none. System.CommandLine takes one for an argument where the command has room for arguments, and <c>run</c>'s
/// COMMAND always has: the typing error would be run as a program.
/// </summary>
internal static class UnknownOptions
{
    /// <summary>A sentence for each; empty when there is none.</summary>
    internal static ImmutableArray<string> Of(ParseResult parsed)
    {
        var values = new HashSet<Token>(ReferenceEqualityComparer.Instance);
        foreach (var child in parsed.CommandResult.Children)
        {
            if (child is OptionResult)
                values.UnionWith(child.Tokens);
        }
        var sentences = ImmutableArray.CreateBuilder<string>();
        var separated = false;
        foreach (var token in parsed.Tokens)
        {
            if (token.Type is TokenType.DoubleDash)
            {
                separated = true;
                break;
            }
            if (token is { Type: TokenType.Argument, Value: ['-', _, ..] } && !values.Contains(token))
                sentences.Add(Sentence(token.Value.Split('=')[0], Names(parsed.CommandResult.Command)));
        }
        if (sentences.Count > 0 && !separated && parsed.CommandResult.Command.Name == "run")
            sentences.Add("A command to run stands after '--', with its own options.");
        return sentences.ToImmutable();
    }

    private static string[] Names(Command command) =>
        [.. command.Options.Where(static option => !option.Hidden).SelectMany(static option => option.Aliases.Prepend(option.Name))];

    private static string Sentence(string written, string[] options) =>
        options.Contains(written) ? $"Option {written} stands too early: write it after 'run', 'check' or 'explain'."
        : NearestName.Of(written, options) is { } meant ? $"Unknown option {written}, did you mean {meant}?"
        : $"Unknown option {written}.";
}
