using StackDepth.Tool.Output;

namespace StackDepth.Tool.Parsing;

/// <summary>What the user wrote makes no sense to the tool. With a position the message shows the place with a caret.</summary>
internal sealed class UsageException : Exception
{
    internal UsageException(string message)
        : base(message)
    {
    }

    internal UsageException(string message, string text, int position)
        : base($"{message}{Environment.NewLine}  {PrintableName.Of(text)}{Environment.NewLine}  {new string(' ', PrintableName.Of(text[..position]).Length)}^") =>
        Position = position;

    /// <summary>Where in the text the fault begins; null when it is in no one place.</summary>
    internal int? Position { get; }
}
