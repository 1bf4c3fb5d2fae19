namespace StackDepth.Native.Symbols.Demangling.Rust;

internal sealed partial class RustV0Demangler
{
    /// <summary>The lifetimes that the binders around this place declare.</summary>
    private ulong boundLifetimes;

    private static string? BasicType(char tag) => tag switch
    {
        'a' => "i8",
        'b' => "bool",
        'c' => "char",
        'd' => "f64",
        'e' => "str",
        'f' => "f32",
        'h' => "u8",
        'i' => "isize",
        'j' => "usize",
        'l' => "i32",
        'm' => "u32",
        'n' => "i128",
        'o' => "u128",
        'p' => "_",
        's' => "i16",
        't' => "u16",
        'u' => "()",
        'v' => "...",
        'x' => "i64",
        'y' => "u64",
        'z' => "!",
        _ => null,
    };

    private void Type()
    {
        if (Enter())
        {
            TypeWithin();
        }

        limits.Leave();
    }

    private void TypeWithin()
    {
        var tag = Next();
        if (BasicType(tag) is { } basic)
        {
            Write(basic);
            return;
        }

        switch (tag)
        {
            case 'R' or 'Q':
                Write('&');
                if (Accept('L') && Base62() is > 0 and var lifetime)
                {
                    Lifetime(lifetime);
                    Write(' ');
                }

                Write(tag == 'Q' ? "mut " : "");
                Type();
                break;
            case 'P' or 'O':
                Write(tag == 'P' ? "*const " : "*mut ");
                Type();
                break;
            case 'A' or 'S':
                Write('[');
                Type();
                if (tag == 'A')
                {
                    Write("; ");
                    Constant(inValue: true);
                }

                Write(']');
                break;
            case 'T':
                Write('(');
                Write(Types() == 1 ? ",)" : ")");
                break;
            case 'F':
                InBinder(FunctionPointer);
                break;
            case 'D':
                TraitObject();
                break;
            case 'W':
                Type();
                Write(" is ");
                Pattern();
                break;
            case 'B':
                Backref(Type);
                break;
            default:
                at--;
                Path(inValue: false);
                break;
        }
    }

    // Separated by commas, to the E. Answers how many.
    private int Types()
    {
        var count = 0;
        for (; !Failed && !Accept('E'); count++)
        {
            Write(count > 0 ? ", " : "");
            Type();
        }

        return count;
    }

    // <fn-sig> ::= [<binder>] [U] [K <abi>] <type>* E <type>
    private void FunctionPointer()
    {
        Write(Accept('U') ? "unsafe " : "");
        if (Accept('K'))
        {
            Write("extern \"");
            Write(Accept('C') ? "C" : Identifier().Replace('_', '-'));
            Write("\" ");
        }

        Write("fn(");
        Types();
        Write(')');
        if (!Accept('u'))
        {
            Write(" -> ");
            Type();
        }
    }

    // <dyn-bounds> ::= [<binder>] <dyn-trait>* E, and a lifetime
    private void TraitObject()
    {
        Write("dyn ");
        InBinder(() =>
        {
            for (var first = true; !Failed && !Accept('E'); first = false)
            {
                Write(first ? "" : " + ");
                Trait();
            }
        });
        if (!Accept('L'))
        {
            failed = true;
        }
        else if (Base62() is > 0 and var lifetime)
        {
            Write(" + ");
            Lifetime(lifetime);
        }
    }

    // A trait with the values of its associated types, which stand among its generic arguments.
    private void Trait()
    {
        var isOpen = OpenPath();
        while (!Failed && Accept('p'))
        {
            Write(isOpen ? ", " : "<");
            isOpen = true;
            Write(Identifier());
            Write(" = ");
            Type();
        }

        Write(isOpen ? ">" : "");
    }

    /// <summary>A path whose last generic arguments are left open. Answers whether it has any.</summary>
    private bool OpenPath()
    {
        var isOpen = false;
        if (Enter())
        {
            if (Accept('B'))
            {
                Backref(() => isOpen = OpenPath());
            }
            else if (Accept('I'))
            {
                Path(inValue: false);
                Write('<');
                GenericArguments();
                isOpen = true;
            }
            else
            {
                Path(inValue: false);
            }
        }

        limits.Leave();
        return isOpen;
    }

    // [G <number>]: so many lifetimes more within.
    private void InBinder(Action within)
    {
        var held = boundLifetimes;
        var count = OptionalBase62('G');
        if (count > (ulong)symbol.Length)
        {
            failed = true;
            return;
        }

        if (silent)
        {
            boundLifetimes += count;
        }
        else if (count > 0)
        {
            Write("for<");
            for (ulong i = 0; i < count && !Failed; i++)
            {
                Write(i > 0 ? ", " : "");
                boundLifetimes++;
                Lifetime(1);
            }

            Write("> ");
        }

        within();
        boundLifetimes = held;
    }

    /// <summary>Lifetimes are numbered from the innermost, and named from the outermost.</summary>
    private void Lifetime(ulong number)
    {
        Write('\'');
        if (number == 0)
        {
            Write('_');
            return;
        }

        if (number > boundLifetimes)
        {
            failed = true;
            return;
        }

        var depth = boundLifetimes - number;
        if (depth < 26)
        {
            Write((char)('a' + depth));
        }
        else
        {
            Write("_");
            Write(depth);
        }
    }
}
