using System.Runtime.CompilerServices;

namespace StackDepth.Native.Symbols.Demangling;

/// <summary>
/// What one name may cost. Names come from files that anybody may have written: substitutions make text that grows exponentially
/// with the name's length, and nesting costs stack.
/// </summary>
internal sealed class DemangleLimits
{
    /// <summary>The longest name that is looked at, and the longest answer, in characters.</summary>
    internal const int MaxText = 64 * 1024;

    private const int MaxSteps = 200_000;
    private const int MaxDepth = 1_000;

    private int steps, depth;

    /// <summary>Counts a step. False once the name has had its share.</summary>
    internal bool Step() => ++steps <= MaxSteps;

    /// <summary>Counts a step and a level of nesting, which <see cref="Leave"/> gives back, whatever the answer.</summary>
    internal bool Enter() => ++depth <= MaxDepth & Step() && RuntimeHelpers.TryEnsureSufficientExecutionStack();

    internal void Leave() => depth--;
}
