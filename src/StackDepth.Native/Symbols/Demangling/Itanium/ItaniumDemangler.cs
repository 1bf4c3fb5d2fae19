namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>Names as the Itanium C++ ABI mangles them (5.1), with the extensions of g++ and clang.</summary>
internal static class ItaniumDemangler
{
    /// <summary>The name as the source has it, or null where the symbol is no such name.</summary>
    internal static string? Demangle(string symbol, bool verbose)
    {
        var limits = new DemangleLimits();
        var parser = new ItaniumParser(symbol, verbose, limits, oldScopes: false);
        var name = parser.ParseSymbol();
        if (name is null && parser.IsAmbiguous)
        {
            name = new ItaniumParser(symbol, verbose, limits, oldScopes: true).ParseSymbol();
        }

        if (name is null)
        {
            return null;
        }

        var text = new DemangledText();
        new ItaniumPrinter(text, limits).Print(name);
        return text.Failed ? null : text.ToString();
    }
}
