using System.Collections.Immutable;

namespace StackDepth.Native.Targets;

/// <summary>A target that was found but is refused: a script, too many functions, an IFUNC, damaged ... The message says why and what to do.</summary>
internal sealed class TargetException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The binary, or the function in it, does not exist.</summary>
internal sealed class TargetNotFoundException(string message, ImmutableArray<string> suggestions) : Exception(message)
{
    /// <summary>What the user may have meant, best first: function names, or paths. May be empty.</summary>
    internal ImmutableArray<string> Suggestions { get; } = suggestions;
}
