using System.CommandLine;

namespace StackDepth.Tool.Cli;

/// <summary>Options that take one of a few words.</summary>
internal static class Choices
{
    /// <summary>Where the option is not written its value is the default of <typeparamref name="T"/>.</summary>
    internal static Option<T> Option<T>(string name, string description, params (string Word, T Value)[] choices)
        where T : struct, Enum
    {
        var words = Array.ConvertAll(choices, static choice => choice.Word);
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            CustomParser = result =>
            {
                var written = result.Tokens[0].Value;
                foreach (var (word, value) in choices)
                {
                    if (word == written)
                        return value;
                }
                result.AddError($"{name} is one of {string.Join(", ", words)}, not '{written}'.");
                return default;
            },
        };
        option.CompletionSources.Add(words);
        return option;
    }
}
