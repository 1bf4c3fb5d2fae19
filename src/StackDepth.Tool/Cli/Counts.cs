using System.CommandLine;
using System.Globalization;

namespace StackDepth.Tool.Cli;

/// <summary>Options that take a whole number from 1.</summary>
internal static class Counts
{
    internal static Option<int?> Option(string[] names, string taken, string description, string helpName, int greatest = int.MaxValue) => new(names[0], names[1..])
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var written = result.Tokens[0].Value;
            if (int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= greatest)
                return number;
            result.AddError($"{names[0]} takes {taken} from 1 to {greatest}, not '{written}'.");
            return null;
        },
    };
}
