using StackDepth.Native.Symbols.Demangling.Itanium;
using StackDepth.Native.Symbols.Demangling.Rust;

namespace StackDepth.Native.Symbols.Demangling;

/// <summary>
/// Names of C++ (Itanium ABI: g++, clang) and Rust (legacy and v0) functions and data, as their source has them, written as
/// <c>nm -C</c> and <c>addr2line -C</c> write them.
/// </summary>
internal static class Demangler
{
    /// <summary>The demangled name, or <paramref name="symbol"/> itself where it is not mangled or not understood.</summary>
    /// <remarks>The answer has the characters that the file's symbol has: escape it before it is shown.</remarks>
    internal static string Demangle(string symbol) => Demangle(symbol, verbose: false);

    /// <summary>
    /// With <paramref name="verbose"/>, as <c>c++filt</c> has it: <c>std::string</c> written out as the template that it names, and the hashes and
    /// disambiguators of Rust shown.
    /// </summary>
    internal static string Demangle(string symbol, bool verbose)
    {
        // bfd_demangle of binutils sets aside leading dots and dollars (function descriptors have them) and the version, and puts them back.
        var start = 0;
        while (start < symbol.Length && symbol[start] is '.' or '$')
        {
            start++;
        }

        if (symbol.Length - start is < 3 or > DemangleLimits.MaxText || symbol[start] != '_')
        {
            return symbol;
        }

        var version = symbol.IndexOf('@', start);
        var end = version < 0 ? symbol.Length : version;
        var demangled = DemangleBare(symbol[start..end], verbose);
        return demangled is null ? symbol : string.Concat(symbol.AsSpan(0, start), demangled, symbol.AsSpan(end));
    }

    private static string? DemangleBare(string name, bool verbose)
    {
        if (name.StartsWith("_R", StringComparison.Ordinal))
        {
            return RustV0Demangler.Demangle(name, verbose);
        }

        // Rust's legacy names are well-formed C++ names, told apart by the hash that they end with.
        return RustLegacyDemangler.Demangle(name, verbose) ?? ItaniumDemangler.Demangle(name, verbose);
    }
}
