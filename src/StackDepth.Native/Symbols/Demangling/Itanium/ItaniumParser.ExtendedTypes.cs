namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // The types that begin with a D.
    private Node? ParseExtendedType()
    {
        at++;
        var letter = Peek;
        at++;
        switch (letter)
        {
            case 'T' or 't':
                return ParseExpression() is { } expression && Accept('E') ? Remember(new Decltype(expression)) : null;
            case 'p':
                return ParseType() is { } pattern ? Remember(new PackExpansion(pattern)) : null;
            case 'F':
                return ParseFloatType();
            case 'B' or 'U':
                return ParseBitInt(letter == 'U');
            case 'v':
                return Remember(ParseVectorType());
            default:
                return BuiltinTypes.FindExtended(letter);
        }
    }

    // DF <bits> _ | DF <bits> x | DF16b
    private BuiltinType? ParseFloatType()
    {
        var bits = ParseDigits().Text;
        if (bits.Length == 0)
        {
            return null;
        }

        if (bits == "16" && Accept('b'))
        {
            return new BuiltinType("std::bfloat16_t", LiteralStyle.Floating);
        }

        if (Accept('x'))
        {
            return new BuiltinType($"_Float{bits}x", LiteralStyle.Floating);
        }

        return Accept('_') ? new BuiltinType($"_Float{bits}", LiteralStyle.Floating) : null;
    }

    // DB <number> _ and DU <number> _, of C23, where the number can depend on a template.
    private Node? ParseBitInt(bool unsigned)
    {
        var bits = char.IsAsciiDigit(Peek) ? ParseDigits() : ParseExpression();
        if (bits is null || !Accept('_'))
        {
            return null;
        }

        Node name = new BitIntType(unsigned, bits);
        return bits is Identifier ? name : Remember(name);
    }

    // Dv <number> _ <type> | Dv _ <expression> _ <type>
    private ModifiedType? ParseVectorType()
    {
        var size = Accept('_') ? ParseExpression() : char.IsAsciiDigit(Peek) ? ParseDigits() : null;
        return size is not null && Accept('_') && ParseType() is { } element ? new ModifiedType(ModifierKind.Vector, element, size) : null;
    }
}
