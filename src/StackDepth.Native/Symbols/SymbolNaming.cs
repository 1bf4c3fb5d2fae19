namespace StackDepth.Native.Symbols;

/// <summary>How names become text.</summary>
/// <param name="Demangle">Makes a name of a symbol table readable.</param>
/// <param name="Memory">Is told of the text that is kept; null where nobody counts it.</param>
internal sealed record SymbolNaming(Func<string, string> Demangle, SymbolMemory? Memory)
{
    /// <summary>Names as they are.</summary>
    internal static SymbolNaming Raw { get; } = new(static name => name, null);
}
