using System.Globalization;
using System.Text;

namespace StackDepth.Native.Symbols.Demangling.Rust;

/// <summary>
/// Rust's first mangling: a C++ nested name whose last part is a hash (<c>_ZN4core3fmt5write17h0123456789abcdefE</c>), with what C++ does not
/// allow in names written as <c>$LT$</c> and the like. What follows the E after a dot is the compiler's and is dropped.
/// </summary>
internal static class RustLegacyDemangler
{
    private const int HashLength = 17;

    /// <summary>The path, with its hash if <paramref name="verbose"/>, or null where the name is not Rust's.</summary>
    internal static string? Demangle(string symbol, bool verbose)
    {
        if (!symbol.StartsWith("_ZN", StringComparison.Ordinal) || FindEnd(symbol) is not (> 0 and var end) || !IsHash(symbol.AsSpan(0, end)))
        {
            return null;
        }

        var text = new DemangledText();
        var names = symbol.AsSpan(3, end - 3);
        for (var first = true; names.Length > 0; first = false)
        {
            if (!TakeIdentifier(ref names, out var name))
            {
                return null;
            }

            if (names.Length == 0 && !verbose)
            {
                break;
            }

            text.Write(first ? "" : "::");
            WriteName(text, name);
        }

        return text.Failed ? null : text.ToString();
    }

    // The last E that ends the symbol or has a dot after it.
    private static int FindEnd(string symbol)
    {
        foreach (var c in symbol)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '$' or '.' or ':'))
            {
                return -1;
            }
        }

        for (var end = symbol.Length; end > 0; end--)
        {
            if (symbol[end - 1] == 'E' && (end == symbol.Length || symbol[end] == '.'))
            {
                return end - 1;
            }
        }

        return -1;
    }

    // 17h and 16 hexadecimal digits: of five kinds at least, for a hash is random and a name of C++ may end so by chance.
    private static bool IsHash(ReadOnlySpan<char> names)
    {
        if (names.Length < HashLength + 2 || !names[^(HashLength + 2)..].StartsWith("17h"))
        {
            return false;
        }

        var seen = 0;
        foreach (var c in names[^(HashLength - 1)..])
        {
            if (!char.IsAsciiHexDigitLower(c))
            {
                return false;
            }

            seen |= 1 << Convert.ToInt32(c.ToString(), 16);
        }

        return System.Numerics.BitOperations.PopCount((uint)seen) >= 5;
    }

    private static bool TakeIdentifier(ref ReadOnlySpan<char> names, out ReadOnlySpan<char> name)
    {
        name = default;
        var (digits, length) = (0, 0);
        while (digits < names.Length && char.IsAsciiDigit(names[digits]) && length <= names.Length)
        {
            length = (length * 10) + (names[digits++] - '0');
        }

        if (digits == 0 || names[0] == '0' || length > names.Length - digits)
        {
            return false;
        }

        name = names.Slice(digits, length);
        names = names[(digits + length)..];
        return true;
    }

    private static void WriteName(DemangledText text, ReadOnlySpan<char> name)
    {
        // A name that would begin with an escape has an underscore before it.
        if (name.StartsWith("_$"))
        {
            name = name[1..];
        }

        while (name.Length > 0)
        {
            if (name[0] == '$')
            {
                var length = name[1..].IndexOf('$');
                if (length < 0 || !WriteEscape(text, name.Slice(1, length)))
                {
                    // Not an escape that this version knows: the rest stays as it is.
                    text.Write(name);
                    return;
                }

                name = name[(length + 2)..];
            }
            else if (name[0] == '.')
            {
                var isPath = name.StartsWith("..");
                text.Write(isPath ? "::" : ".");
                name = name[(isPath ? 2 : 1)..];
            }
            else
            {
                var length = name.IndexOfAny('$', '.');
                length = length < 0 ? name.Length : length;
                text.Write(name[..length]);
                name = name[length..];
            }
        }
    }

    private static bool WriteEscape(DemangledText text, ReadOnlySpan<char> escape)
    {
        var c = escape switch
        {
            "C" => ',',
            "SP" => '@',
            "BP" => '*',
            "RF" => '&',
            "LT" => '<',
            "GT" => '>',
            "LP" => '(',
            "RP" => ')',
            _ => '\0',
        };
        if (c != '\0')
        {
            text.Write(c);
            return true;
        }

        if (escape is not ['u', ..] || escape.Length > 7 || !uint.TryParse(escape[1..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || !Rune.TryCreate(value, out var rune) || Rune.IsControl(rune))
        {
            return false;
        }

        text.Write(rune.ToString());
        return true;
    }
}
