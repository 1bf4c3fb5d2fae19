namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    private readonly record struct Qualifier(ModifierKind Kind, Node? Operand);

    private Node? ParseType()
    {
        var type = limits.Enter() ? ParseTypeWithin() : null;
        limits.Leave();
        return type;
    }

    private Node? ParseTypeWithin()
    {
        if (IsQualifierNext)
        {
            return ParseQualifiedType();
        }

        switch (Peek)
        {
            case 'F':
                return Remember(ParseFunctionType());
            case 'A':
                return Remember(ParseArrayType());
            case 'M':
                at++;
                return ParseType() is { } owner && ParseType() is { } member
                    ? Remember(new ModifiedType(ModifierKind.MemberPointer, member, owner))
                    : null;
            case 'T':
                return ParseTemplateParameterType();
            case 'S':
                return ParseSubstitutedType();
            case 'P':
                return ParseModified(ModifierKind.Pointer);
            case 'R':
                return ParseModified(ModifierKind.Reference);
            case 'O':
                return ParseModified(ModifierKind.RvalueReference);
            case 'C':
                return ParseModified(ModifierKind.Complex);
            case 'G':
                return ParseModified(ModifierKind.Imaginary);
            case 'U' when PeekNext is not ('l' or 't'):
                return ParseVendorQualified();
            case 'D' when PeekNext != 'C':
                return ParseExtendedType();
            case 'u':
                at++;
                return ParseVendorType();
            case >= 'a' and <= 'z':
                var builtin = BuiltinTypes.Find(Peek);
                at++;
                return builtin;
            default:
                return Remember(ParseName());
        }
    }

    private Node? ParseModified(ModifierKind kind)
    {
        at++;
        return ParseType() is { } inner ? Remember(new ModifiedType(kind, inner)) : null;
    }

    // u <source-name> [<template-args>]
    private Node? ParseVendorType()
    {
        if (ParseSourceName() is not { } name)
        {
            return null;
        }

        return Remember(Peek == 'I' ? ParseInstance(name) : name);
    }

    // U <source-name> [<template-args>] <type>
    private Node? ParseVendorQualified()
    {
        at++;
        Node? name = ParseSourceName();
        if (name is not null && Peek == 'I')
        {
            name = ParseInstance(name);
        }

        return name is not null && ParseType() is { } type ? Remember(new ModifiedType(ModifierKind.Vendor, type, name)) : null;
    }

    private bool IsQualifierNext => Peek is 'r' or 'V' or 'K' || (Peek == 'D' && PeekNext is 'x' or 'o' or 'O' or 'w');

    // Qualifiers before a function type are those of its this, and the unqualified function type is no candidate for substitution.
    private Node? ParseQualifiedType()
    {
        if (ParseQualifiers(ofFunction: false) is not { } qualifiers)
        {
            return null;
        }

        var inner = Peek == 'F' ? ParseFunctionType() : ParseType();
        if (inner is null)
        {
            return null;
        }

        // The ref-qualifier comes after the others.
        return Remember(inner is ModifiedType { Kind: ModifierKind.ThisReference or ModifierKind.ThisRvalueReference } reference
            ? new ModifiedType(reference.Kind, Qualify(reference.Inner, qualifiers))
            : Qualify(inner, qualifiers));
    }

    private List<Qualifier>? ParseQualifiers(bool ofFunction)
    {
        var qualifiers = new List<Qualifier>();
        while (IsQualifierNext)
        {
            var letter = Peek;
            at++;
            if (letter == 'D')
            {
                if (ParseFunctionQualifier() is not { } qualifier)
                {
                    return null;
                }

                qualifiers.Add(qualifier);
            }
            else
            {
                qualifiers.Add(new(letter switch { 'r' => ModifierKind.Restrict, 'V' => ModifierKind.Volatile, _ => ModifierKind.Const }, null));
            }
        }

        if (ofFunction || Peek == 'F')
        {
            for (var i = 0; i < qualifiers.Count; i++)
            {
                qualifiers[i] = qualifiers[i].Kind switch
                {
                    ModifierKind.Restrict => new(ModifierKind.ThisRestrict, null),
                    ModifierKind.Volatile => new(ModifierKind.ThisVolatile, null),
                    ModifierKind.Const => new(ModifierKind.ThisConst, null),
                    _ => qualifiers[i],
                };
            }
        }

        return qualifiers;
    }

    // Dx | Do | DO <expression> E | Dw <type>+ E, after the D
    private Qualifier? ParseFunctionQualifier()
    {
        switch (text[at++])
        {
            case 'x':
                return new(ModifierKind.TransactionSafe, null);
            case 'o':
                return new(ModifierKind.Noexcept, null);
            case 'O':
                return ParseExpression() is { } condition && Accept('E') ? new(ModifierKind.Noexcept, condition) : null;
            default:
                return ParseParameters() is { } types && Accept('E') ? new(ModifierKind.Throw, types) : null;
        }
    }

    /// <summary>The first qualifier is the outermost.</summary>
    private static Node Qualify(Node inner, List<Qualifier> qualifiers)
    {
        for (var i = qualifiers.Count - 1; i >= 0; i--)
        {
            inner = new ModifiedType(qualifiers[i].Kind, inner, qualifiers[i].Operand);
        }

        return inner;
    }

    // <function-type> ::= F [Y] <bare-function-type> [<ref-qualifier>] E
    private Node? ParseFunctionType()
    {
        at++;
        Accept('Y');
        Node? type = ParseBareFunctionType(hasReturnType: true);
        if (type is not null && ParseRefQualifier() is { } reference)
        {
            type = new ModifiedType(reference, type);
        }

        return Accept('E') ? type : null;
    }

    private FunctionType? ParseBareFunctionType(bool hasReturnType)
    {
        // J says that there is a return type where one would expect none.
        hasReturnType |= Accept('J');
        Node? returned = null;
        if (hasReturnType && (returned = ParseType()) is null)
        {
            return null;
        }

        return ParseParameters() is { } parameters ? new FunctionType(returned, parameters) : null;
    }

    private ArgumentList? ParseParameters()
    {
        var types = new List<Node>();
        while (Peek is not ('\0' or 'E' or 'Q' or '.') && !(Peek is 'R' or 'O' && PeekNext == 'E'))
        {
            if (ParseType() is not { } type)
            {
                return null;
            }

            types.Add(type);
        }

        return types switch
        {
            [] => null,
            [var only] when only == BuiltinTypes.Void => new ArgumentList([]),
            _ => new ArgumentList([.. types]),
        };
    }

    // <array-type> ::= A [<number> | <expression>] _ <type>
    private ArrayType? ParseArrayType()
    {
        at++;
        Node? bound = null;
        if (char.IsAsciiDigit(Peek))
        {
            bound = ParseDigits();
        }
        else if (Peek != '_' && (bound = ParseExpression()) is null)
        {
            return null;
        }

        return Accept('_') && ParseType() is { } element ? new ArrayType(bound, element) : null;
    }

    private Identifier ParseDigits()
    {
        var start = at;
        while (char.IsAsciiDigit(Peek))
        {
            at++;
        }

        return new Identifier(text[start..at]);
    }

    // A substitution, and the template arguments that make a new type of it.
    private Node? ParseSubstitutedType()
    {
        if (PeekNext is not ('_' or (>= '0' and <= '9') or (>= 'A' and <= 'Z')))
        {
            // A standard abbreviation is not remembered again, but what is made with it is.
            var name = ParseName();
            return name is StandardName ? name : Remember(name);
        }

        if (ParseSubstitution(prefix: false) is not { } substitution)
        {
            return null;
        }

        if (substitution is ModuleName module)
        {
            return Remember(FinishUnscopedName(ParseUnqualifiedName(null, module)));
        }

        return Peek == 'I' ? Remember(ParseInstance(substitution)) : substitution;
    }
}
