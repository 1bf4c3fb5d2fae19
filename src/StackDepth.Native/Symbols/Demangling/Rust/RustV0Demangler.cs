using System.Globalization;

namespace StackDepth.Native.Symbols.Demangling.Rust;

/// <summary>
/// Rust's second mangling (RFC 2603): the standard library's and the nightly compiler's, and an option of the stable one. The grammar is
/// printed as it is parsed: a reference back goes to an earlier place of the text, and parses and prints it again.
/// </summary>
internal sealed partial class RustV0Demangler
{
    private readonly string symbol;
    private readonly bool verbose;
    private readonly DemangledText text;
    private readonly DemangleLimits limits;
    private int at;

    /// <summary>Where something is parsed only to get beyond it.</summary>
    private bool silent;

    private bool failed;

    private RustV0Demangler(string symbol, bool verbose, DemangledText text, DemangleLimits limits)
    {
        (this.symbol, this.verbose, this.text, this.limits) = (symbol, verbose, text, limits);
    }

    /// <summary>The path, with crate and impl disambiguators if <paramref name="verbose"/>, or null where the name is none of Rust's.</summary>
    internal static string? Demangle(string name, bool verbose)
    {
        // What follows a dot is the compiler's.
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var symbol = dot < 0 ? name[2..] : name[2..dot];
        if (symbol.Length == 0 || !char.IsAsciiLetterUpper(symbol[0]))
        {
            return null;
        }

        foreach (var c in symbol)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return null;
            }
        }

        var text = new DemangledText();
        var demangler = new RustV0Demangler(symbol, verbose, text, new DemangleLimits());
        demangler.Path(inValue: true);
        if (!demangler.failed && demangler.at < symbol.Length)
        {
            // The crate that instantiated it.
            demangler.silent = true;
            demangler.Path(inValue: false);
        }

        return demangler.failed || text.Failed || demangler.at != symbol.Length ? null : text.ToString();
    }

    private char Peek => at < symbol.Length ? symbol[at] : '\0';

    private bool Failed => failed || text.Failed;

    private bool Accept(char c)
    {
        if (Peek != c)
        {
            return false;
        }

        at++;
        return true;
    }

    private char Next()
    {
        if (at == symbol.Length)
        {
            failed = true;
            return '\0';
        }

        return symbol[at++];
    }

    private void Write(ReadOnlySpan<char> part)
    {
        if (!silent && !Failed)
        {
            text.Write(part);
        }
    }

    private void Write(char c) => Write([c]);

    private void Write(ulong number) => Write(number.ToString(CultureInfo.InvariantCulture));

    /// <summary>A level deeper, unless the name has had its share.</summary>
    private bool Enter()
    {
        if (!limits.Enter())
        {
            failed = true;
        }

        return !Failed;
    }

    // <base-62-number>: _ is 0, and digits and _ are one more than their value.
    private ulong Base62()
    {
        if (Accept('_'))
        {
            return 0;
        }

        ulong value = 0;
        while (!Failed && !Accept('_'))
        {
            var c = Next();
            var digit = c switch
            {
                >= '0' and <= '9' => c - '0',
                >= 'a' and <= 'z' => c - 'a' + 10,
                >= 'A' and <= 'Z' => c - 'A' + 36,
                _ => -1,
            };
            if (digit < 0 || value > (ulong.MaxValue - 62) / 62)
            {
                failed = true;
                return 0;
            }

            value = (value * 62) + (ulong)digit;
        }

        return value + 1;
    }

    /// <summary>One more than the number after the tag, 0 without the tag.</summary>
    private ulong OptionalBase62(char tag) => Accept(tag) ? Base62() + 1 : 0;

    /// <summary>What stands at the place that a B refers to. Only backwards, so that it ends; the limits bound how often.</summary>
    private void Backref(Action there)
    {
        var from = at - 1;
        var target = Base62();
        if (Failed || target >= (ulong)from)
        {
            failed = true;
            return;
        }

        // Beyond it one gets without going there.
        if (silent)
        {
            return;
        }

        var back = at;
        at = (int)target;
        there();
        at = back;
    }
}
