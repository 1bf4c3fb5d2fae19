using System.CommandLine;

namespace StackDepth.Tool.Cli;

/// <summary>Options that take one of a few words.</summary>
internal static class Choices
{
    /// <summary>Where the option is not written its value is the default of <typeparamref name="T"/>.</summary>
    internal static Choice<T> Option<T>(string name, string description, params (string Word, T Value)[] choices)
        where T : struct, Enum => new(name, description, choices);
}

/// <summary>
/// An option that takes one of a few words. To System.CommandLine it is one of text: its code for texts is compiled ahead of time, that for any type of ours would be compiled at
/// every start.
/// </summary>
internal sealed class Choice<T> : Option<string>
    where T : struct, Enum
{
    private readonly (string Word, T Value)[] _choices;

    internal Choice(string name, string description, (string Word, T Value)[] choices)
        : base(name)
    {
        _choices = choices;
        var words = new string[choices.Length];
        for (var index = 0; index < words.Length; index++)
            words[index] = choices[index].Word;
        Description = description;
        HelpName = string.Join('|', words);
        CompletionSources.Add(words);
        CustomParser = result =>
        {
            var written = result.Tokens[0].Value;
            if (Array.IndexOf(words, written) < 0)
                result.AddError($"{name} is one of {string.Join(", ", words)}, not '{written}'.");
            return written;
        };
    }

    internal T In(ParseResult parsed)
    {
        var written = parsed.GetValue(this);
        foreach (var (word, value) in _choices)
        {
            if (word == written)
                return value;
        }
        return default;
    }
}
