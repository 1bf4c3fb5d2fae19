namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    private Node? ParseOperation() => ParseOperator() switch
    {
        OperatorName op => ParseOperands(op),
        CastOperator cast => ParseCast(cast),
        VendorOperator vendor => ParseOperands(vendor, vendor.Arity),
        _ => null,
    };

    private Node? ParseOperands(OperatorName op)
    {
        switch (op.Operator.Code)
        {
            case "st" or "at" or "ti":
                return ParseType() is { } type ? new Operation(op, [type]) : null;
            case "sP":
                return ParseArgumentsToEnd() is { } packs ? new Operation(op, [packs]) : null;
            case "pp" or "mm" when !Accept('_'):
                return ParseExpression() is { } operand ? new PostfixOperation(op, operand) : null;
            case "cl":
                return ParseExpression() is { } callee && ParseExpressions('E') is { } arguments ? new Operation(op, [callee, arguments]) : null;
            case "dt" or "pt":
                return ParseExpression() is { } left && ParseAccessedMember() is { } member ? new Operation(op, [left, member]) : null;
            case "di" or "dx" or "dX":
                return ParseDesignatedInitializer(op.Operator.Code);
            case "nw" or "na":
                return ParseNew();
            default:
                return op.Operator.IsFold ? ParseFold(op.Operator)
                    : op.Operator.IsNamedCast ? ParseNamedCast(op)
                    : ParseOperands(op, op.Operator.Operands);
        }
    }

    private Operation? ParseOperands(Node op, int count)
    {
        var operands = new Node[count];
        for (var i = 0; i < count; i++)
        {
            if (ParseExpression() is not { } operand)
            {
                return null;
            }

            operands[i] = operand;
        }

        return new Operation(op, operands);
    }

    // cv <type> <expression> | cv <type> _ <expression>* E, after the type
    private Operation? ParseCast(CastOperator cast)
    {
        var operand = Accept('_') ? ParseExpressions('E') : ParseExpression();
        return operand is null ? null : new Operation(cast, [operand]);
    }

    private NamedCast? ParseNamedCast(OperatorName op) =>
        ParseType() is { } type && ParseExpression() is { } operand ? new NamedCast(op, type, operand) : null;

    // <unresolved-name>, which can have a scope
    private Node? ParseAccessedMember() => Peek switch
    {
        'g' when PeekNext == 's' => ParseExpression(),
        's' when PeekNext == 'r' => ParseExpression(),
        _ => ParseMember(null),
    };

    // di <source-name> <expression> | dx <expression> <expression> | dX <expression> <expression> <expression>
    private DesignatedInitializer? ParseDesignatedInitializer(string code)
    {
        var first = code == "di" ? ParseUnqualifiedName(null, null) : ParseExpression();
        Node? last = null;
        if (first is null || (code == "dX" && (last = ParseExpression()) is null))
        {
            return null;
        }

        return ParseExpression() is { } value ? new DesignatedInitializer(first, last, code == "di", value) : null;
    }

    // nw <expression>* _ <type> (E | pi <expression>* E | il <expression>* E)
    private NewExpression? ParseNew()
    {
        if (ParseExpressions('_') is not { } placement || ParseType() is not { } type)
        {
            return null;
        }

        if (Accept('E'))
        {
            return new NewExpression(placement, type, null);
        }

        Node? initializer = Accept('p', 'i') ? ParseExpressions('E') : Peek == 'i' && PeekNext == 'l' ? ParseExpression() : null;
        return initializer is null ? null : new NewExpression(placement, type, initializer);
    }

    // fl | fr <operator> <expression>, fL | fR <operator> <expression> <expression>
    private FoldExpression? ParseFold(Operator fold)
    {
        if (ParseOperator() is not OperatorName op || ParseExpression() is not { } first)
        {
            return null;
        }

        Node? second = null;
        if (fold.Code is "fL" or "fR" && (second = ParseExpression()) is null)
        {
            return null;
        }

        return new FoldExpression(fold.Code, op, first, second);
    }
}
