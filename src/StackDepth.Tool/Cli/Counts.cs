using System.CommandLine;
using System.Globalization;

namespace StackDepth.Tool.Cli;

/// <summary>Options that take a whole number from 1.</summary>
internal static class Counts
{
    internal static Option<int?> Option(string[] names, string taken, string description, string helpName) => new(names[0], names[1..])
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var written = result.Tokens[0].Value;
            if (int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
                return number;
            result.AddError($"{names[0]} takes {taken} from 1 to {int.MaxValue}, not '{written}'.");
            return null;
        },
    };
}
