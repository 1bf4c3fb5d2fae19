namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>An operator: the ABI's two letters, what C++ writes (as a prefix of an expression, so with a space after a word), and how many operands it has.</summary>
internal sealed record Operator(string Code, string Symbol, int Operands)
{
    /// <summary><c>dynamic_cast</c> and its like, whose first operand is a type.</summary>
    internal bool IsNamedCast => Code is "dc" or "sc" or "cc" or "rc";

    internal bool IsFold => Code is "fl" or "fr" or "fL" or "fR";
}
