namespace StackDepth.Native.Symbols.Demangling.Rust;

internal sealed partial class RustV0Demangler
{
    /// <summary>In a value, generic arguments are written with a turbofish.</summary>
    private void Path(bool inValue)
    {
        if (Enter())
        {
            PathWithin(inValue);
        }

        limits.Leave();
    }

    private void PathWithin(bool inValue)
    {
        switch (Next())
        {
            case 'C':
                CrateRoot();
                break;
            case 'N':
                Nested(inValue);
                break;
            case var tag and ('M' or 'X'):
                SkipImplPath();
                ImplOf(tag == 'X');
                break;
            case 'Y':
                ImplOf(trait: true);
                break;
            case 'I':
                Path(inValue);
                Write(inValue ? "::<" : "<");
                GenericArguments();
                Write('>');
                break;
            case 'B':
                Backref(() => Path(inValue));
                break;
            default:
                failed = true;
                break;
        }
    }

    private void CrateRoot()
    {
        var disambiguator = OptionalBase62('s');
        Write(Identifier());
        if (verbose)
        {
            Write($"[{disambiguator:x}]");
        }
    }

    private void Nested(bool inValue)
    {
        var kind = Next();
        if (!char.IsAsciiLetter(kind))
        {
            failed = true;
            return;
        }

        Path(inValue);
        var disambiguator = OptionalBase62('s');
        var name = Identifier();
        if (char.IsAsciiLetterUpper(kind))
        {
            // A closure, a shim or something else that the compiler made.
            Write("::{");
            Write(kind switch { 'C' => "closure", 'S' => "shim", _ => kind.ToString() });
            Write(name.Length > 0 ? ":" : "");
            Write(name);
            Write('#');
            Write(disambiguator);
            Write('}');
        }
        else if (name.Length > 0)
        {
            Write("::");
            Write(name);
        }
    }

    // Where the impl stands says nothing about what it is of.
    private void SkipImplPath()
    {
        OptionalBase62('s');
        var held = silent;
        silent = true;
        Path(inValue: false);
        silent = held;
    }

    private void ImplOf(bool trait)
    {
        Write('<');
        Type();
        if (trait)
        {
            Write(" as ");
            Path(inValue: false);
        }

        Write('>');
    }

    private void GenericArguments()
    {
        for (var first = true; !Failed && !Accept('E'); first = false)
        {
            Write(first ? "" : ", ");
            if (Accept('L'))
            {
                Lifetime(Base62());
            }
            else if (Accept('K'))
            {
                Constant(inValue: false);
            }
            else
            {
                Type();
            }
        }
    }

    // <undisambiguated-identifier> ::= [u] <decimal-number> [_] <bytes>
    private string Identifier()
    {
        var isPunycode = Accept('u');
        var digit = Next();
        if (!char.IsAsciiDigit(digit))
        {
            failed = true;
            return "";
        }

        var length = digit - '0';
        while (digit != '0' && char.IsAsciiDigit(Peek) && length <= symbol.Length)
        {
            length = (length * 10) + (Next() - '0');
        }

        Accept('_');
        if (length > symbol.Length - at)
        {
            failed = true;
            return "";
        }

        var name = symbol.Substring(at, length);
        at += length;
        return isPunycode ? Punycode.Decode(name) ?? $"punycode{{{name}}}" : name;
    }
}
