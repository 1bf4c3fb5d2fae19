using System.CommandLine;
using System.Globalization;

namespace StackDepth.Tool.Cli;

/// <summary>An option that takes a whole number from 1. To System.CommandLine it is one of text, as <see cref="Choice{T}"/> is.</summary>
internal sealed class Count : Option<string>
{
    internal Count(string[] names, string taken, string description, string helpName, int greatest = int.MaxValue)
        : base(names[0], names[1..])
    {
        Description = description;
        HelpName = helpName;
        CustomParser = result =>
        {
            var written = result.Tokens[0].Value;
            if (Parse(written) is not { } number || number > greatest)
                result.AddError($"{names[0]} takes {taken} from 1 to {greatest}, not '{written}'.");
            return written;
        };
    }

    /// <summary>Null where the option is not written.</summary>
    internal int? In(ParseResult parsed) => parsed.GetValue(this) is { } written ? Parse(written) : null;

    private static int? Parse(string written) => int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
}
