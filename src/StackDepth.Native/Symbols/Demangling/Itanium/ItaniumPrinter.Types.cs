namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    private void PrintModified(ModifiedType modified, Declarator? around)
    {
        // const of something that is const already, by a substitution or a template argument.
        if (modified.IsCv && IsAlready(modified.Kind, around))
        {
            Print(modified.Inner, around);
            return;
        }

        if (!modified.IsReference)
        {
            Print(modified.Inner, new Declarator(modified, scope, around));
            return;
        }

        var held = scope;
        if (Collapse(modified) is var (reference, referred))
        {
            Print(referred, new Declarator(reference, scope, around));
        }

        scope = held;
    }

    private static bool IsAlready(ModifierKind kind, Declarator? around)
    {
        for (; around?.Node is ModifiedType { IsCv: true } modified; around = around.Next)
        {
            if (modified.Kind == kind)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// What is around a type, printed after it. Each with the template parameters of the place where it was met.
    /// </summary>
    private void PrintAround(Declarator? around)
    {
        var held = scope;
        for (; around is not null; around = around.Next)
        {
            scope = around.Scope;
            if (around.Node is FunctionType function)
            {
                text.Write(' ');
                PrintFunction(function, around.Next);
                break;
            }

            if (around.Node is ArrayType array)
            {
                PrintArray(array, around.Next);
                break;
            }

            if (around.Node is ModifiedType modified)
            {
                PrintModifier(modified);
            }
        }

        scope = held;
    }

    /// <summary>Parameters, with the declarators inside them to the left, and the function's qualifiers to the right.</summary>
    private void PrintFunction(FunctionType function, Declarator? around)
    {
        var (parenthesized, spaced) = (false, false);
        for (var d = around; d is not null && !parenthesized; d = d.Next)
        {
            if (d.Node is ModifiedType { IsOfFunction: false } modified)
            {
                parenthesized = true;
                spaced = modified.Kind is not (ModifierKind.Pointer or ModifierKind.Reference or ModifierKind.RvalueReference);
            }
        }

        if (parenthesized)
        {
            spaced |= text.Last is not ('(' or '*');
            text.Write(spaced && text.Last != ' ' ? " (" : "(");
        }

        PrintInside(around);
        text.Write(parenthesized ? ")(" : "(");
        Print(function.Parameters);
        text.Write(')');
        PrintFunctionQualifiers(around);
    }

    /// <summary>What stands to the left of a function's parameters or an array's bounds.</summary>
    private void PrintInside(Declarator? around)
    {
        if (!limits.Enter())
        {
            text.Fail();
        }

        var held = scope;
        for (; around is not null && !text.Failed; around = around.Next)
        {
            scope = around.Scope;
            if (around.Node is FunctionType function)
            {
                PrintFunction(function, around.Next);
                break;
            }

            if (around.Node is ArrayType array)
            {
                PrintArray(array, around.Next);
                break;
            }

            if (around.Node is not ModifiedType modified)
            {
                PrintDeclared(around.Node);
            }
            else if (!modified.IsOfFunction)
            {
                PrintModifier(modified);
            }
        }

        scope = held;
        limits.Leave();
    }

    // Those up to the next function: that one has written its own.
    private void PrintFunctionQualifiers(Declarator? around)
    {
        var held = scope;
        for (; around is not null and not { Node: FunctionType or ArrayType }; around = around.Next)
        {
            scope = around.Scope;
            if (around.Node is ModifiedType { IsOfFunction: true } qualifier)
            {
                PrintModifier(qualifier);
            }
        }

        scope = held;
    }

    // The qualifiers of an array are those of its elements.
    private void PrintElement(ArrayType array, Declarator? around)
    {
        var qualifiers = new List<Declarator>();
        for (; around is { Node: ModifiedType { IsCv: true } }; around = around.Next)
        {
            qualifiers.Add(around);
        }

        var outward = new Declarator(array, scope, around);
        foreach (var qualifier in qualifiers)
        {
            outward = new Declarator(qualifier.Node, qualifier.Scope, outward);
        }

        Print(array.Element, outward);
    }

    private void PrintArray(ArrayType array, Declarator? around)
    {
        var parenthesized = around is not null and not { Node: ArrayType };
        text.Write(parenthesized ? " (" : "");
        PrintInside(around);
        text.Write(parenthesized ? ")" : "");
        text.Write(around is { Node: ArrayType } ? "[" : " [");
        if (array.Bound is { } bound)
        {
            Print(bound);
        }

        text.Write(']');
    }

    private void PrintModifier(ModifiedType modified)
    {
        switch (modified.Kind)
        {
            case ModifierKind.Vendor:
                text.Write(' ');
                Print(modified.Operand!);
                break;
            case ModifierKind.MemberPointer:
                text.Write(text.Last == '(' ? "" : " ");
                Print(modified.Operand!);
                text.Write("::*");
                break;
            case ModifierKind.Vector:
                text.Write(" __vector(");
                Print(modified.Operand!);
                text.Write(')');
                break;
            case ModifierKind.Noexcept or ModifierKind.Throw:
                text.Write(modified.Kind == ModifierKind.Throw ? " throw" : " noexcept");
                if (modified.Operand is { } operand)
                {
                    text.Write('(');
                    Print(operand);
                    text.Write(')');
                }

                break;
            default:
                text.Write(Symbol(modified.Kind));
                break;
        }
    }

    private static string Symbol(ModifierKind kind) => kind switch
    {
        ModifierKind.Pointer => "*",
        ModifierKind.Reference => "&",
        ModifierKind.RvalueReference => "&&",
        ModifierKind.Restrict or ModifierKind.ThisRestrict => " restrict",
        ModifierKind.Volatile or ModifierKind.ThisVolatile => " volatile",
        ModifierKind.Const or ModifierKind.ThisConst => " const",
        ModifierKind.Complex => " _Complex",
        ModifierKind.Imaginary => " _Imaginary",
        ModifierKind.ThisReference => " &",
        ModifierKind.ThisRvalueReference => " &&",
        _ => " transaction_safe",
    };
}
