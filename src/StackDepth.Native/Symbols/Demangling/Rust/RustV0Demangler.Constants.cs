using System.Globalization;
using System.Text;

namespace StackDepth.Native.Symbols.Demangling.Rust;

internal sealed partial class RustV0Demangler
{
    /// <summary>A value as a generic argument. As in Rust's source, a composite one has braces around it where it is not in a value.</summary>
    private void Constant(bool inValue)
    {
        if (Enter())
        {
            ConstantWithin(inValue);
        }

        limits.Leave();
    }

    private void ConstantWithin(bool inValue)
    {
        var tag = Next();
        switch (tag)
        {
            case 'B':
                Backref(() => Constant(inValue));
                return;
            case 'p':
                Write('_');
                return;
            case 'h' or 't' or 'm' or 'y' or 'o' or 'j':
                Integer(tag);
                return;
            case 'a' or 's' or 'l' or 'x' or 'n' or 'i':
                Write(Accept('n') ? "-" : "");
                Integer(tag);
                return;
            case 'b':
                Boolean();
                Suffix(tag);
                return;
            case 'c':
                Character();
                Suffix(tag);
                return;
        }

        // References, tuples, arrays, structures and text: of the grammar of rustc 1.66 and later.
        if (tag is 'R' && Accept('e'))
        {
            Text();
            return;
        }

        Write(inValue ? "" : "{");
        Composite(tag);
        Write(inValue ? "" : "}");
    }

    private void Composite(char tag)
    {
        switch (tag)
        {
            case 'e':
                // Text without the reference to it.
                Write('*');
                Text();
                break;
            case 'R' or 'Q':
                Write(tag == 'R' ? "&" : "&mut ");
                Constant(inValue: true);
                break;
            case 'A':
                Write('[');
                Constants();
                Write(']');
                break;
            case 'T':
                Write('(');
                Write(Constants() == 1 ? ",)" : ")");
                break;
            case 'V':
                Variant();
                break;
            default:
                failed = true;
                break;
        }
    }

    private int Constants()
    {
        var count = 0;
        for (; !Failed && !Accept('E'); count++)
        {
            Write(count > 0 ? ", " : "");
            Constant(inValue: true);
        }

        return count;
    }

    // A path, and U: nothing; T: values in parentheses; S: named values in braces.
    private void Variant()
    {
        Path(inValue: true);
        switch (Next())
        {
            case 'U':
                break;
            case 'T':
                Write('(');
                Constants();
                Write(')');
                break;
            case 'S':
                Write(" { ");
                for (var first = true; !Failed && !Accept('E'); first = false)
                {
                    Write(first ? "" : ", ");
                    OptionalBase62('s');
                    Write(Identifier());
                    Write(": ");
                    Constant(inValue: true);
                }

                Write(" }");
                break;
            default:
                failed = true;
                break;
        }
    }

    // <pattern type>: a range of values.
    private void Pattern()
    {
        if (!Enter())
        {
            limits.Leave();
            return;
        }

        switch (Next())
        {
            case 'R':
                Constant(inValue: false);
                Write("..=");
                Constant(inValue: false);
                break;
            case 'O':
                for (var first = true; !Failed && !Accept('E'); first = false)
                {
                    Write(first ? "" : " | ");
                    Pattern();
                }

                break;
            case 'N':
                Write("!null");
                break;
            default:
                failed = true;
                break;
        }

        limits.Leave();
    }

    /// <summary>Hexadecimal digits up to the underscore, without leading zeros.</summary>
    private ReadOnlySpan<char> HexDigits()
    {
        var start = at;
        while (char.IsAsciiHexDigitLower(Peek))
        {
            at++;
        }

        var digits = symbol.AsSpan(start, at - start);
        if (!Accept('_'))
        {
            failed = true;
        }

        return digits;
    }

    private void Integer(char tag)
    {
        var digits = HexDigits().TrimStart('0');
        if (digits.Length > 16)
        {
            Write("0x");
            Write(digits);
        }
        else
        {
            Write(digits.Length == 0 ? 0 : ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        }

        Suffix(tag);
    }

    private void Suffix(char tag)
    {
        if (verbose)
        {
            Write(": ");
            Write(BasicType(tag));
        }
    }

    private void Boolean()
    {
        var digits = HexDigits();
        if (digits is not ("0" or "1"))
        {
            failed = true;
        }

        Write(digits is "0" ? "false" : "true");
    }

    private void Character()
    {
        if (!uint.TryParse(HexDigits(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || !Rune.TryCreate(value, out var rune))
        {
            failed = true;
            return;
        }

        // binutils writes what is not ASCII by its number.
        Write('\'');
        Write(rune.IsAscii ? Escape(rune, '\'') : $"\\u{{{value:x}}}");
        Write('\'');
    }

    // The bytes of UTF-8, each as two digits.
    private void Text()
    {
        var digits = HexDigits();
        if (digits.Length % 2 != 0)
        {
            failed = true;
            return;
        }

        Write('"');
        ReadOnlySpan<byte> bytes = Convert.FromHexString(digits);
        while (bytes.Length > 0 && !Failed)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) != System.Buffers.OperationStatus.Done)
            {
                failed = true;
            }

            Write(Escape(rune, '"'));
            bytes = bytes[length..];
        }

        Write('"');
    }

    // As Rust's debug format has it.
    private static string Escape(Rune rune, char quote) => rune.Value switch
    {
        '\t' => "\\t",
        '\r' => "\\r",
        '\n' => "\\n",
        '\0' => "\\0",
        '\\' => "\\\\",
        var c when c == quote => $"\\{quote}",
        var c when Rune.IsControl(rune) => $"\\u{{{c:x}}}",
        _ => rune.ToString(),
    };
}
