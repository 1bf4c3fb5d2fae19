namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    private void PrintExpression(Node node)
    {
        switch (node)
        {
            case FunctionParameter { Number: 0 }:
                text.Write("this");
                break;
            case FunctionParameter parameter:
                text.Write("{parm#");
                text.Write(parameter.Number);
                text.Write('}');
                break;
            case Literal literal:
                PrintLiteral(literal);
                break;
            case Operation operation:
                PrintOperation(operation);
                break;
            case PostfixOperation postfix:
                PrintOperand(postfix.Operand);
                PrintOperator(postfix.Operator);
                break;
            case NamedCast cast:
                PrintOperator(cast.Operator);
                text.Write('<');
                Print(cast.Type);
                text.Write(">(");
                Print(cast.Operand);
                text.Write(')');
                break;
            case CastOperator cast:
                text.Write("operator ");
                Print(cast.Type);
                break;
            case NewExpression creation:
                PrintNew(creation);
                break;
            case FoldExpression fold:
                PrintFold(fold);
                break;
            case InitializerList list:
                PrintOptional(list.Type);
                text.Write('{');
                Print(list.Values);
                text.Write('}');
                break;
            case DesignatedInitializer initializer:
                PrintDesignated(initializer);
                break;
            case VendorExpression expression:
                Print(expression.Name);
                text.Write('(');
                Print(expression.Arguments);
                text.Write(')');
                break;
            default:
                text.Fail();
                break;
        }
    }

    private void PrintOptional(Node? node)
    {
        if (node is not null)
        {
            Print(node);
        }
    }

    /// <summary>In parentheses, unless there is no doubt where it ends.</summary>
    private void PrintOperand(Node operand)
    {
        if (operand is Identifier or QualifiedName or InitializerList or FunctionParameter)
        {
            Print(operand);
            return;
        }

        text.Write('(');
        Print(operand);
        text.Write(')');
    }

    private void PrintOperator(Node op)
    {
        if (op is OperatorName name)
        {
            text.Write(name.Operator.Symbol);
        }
        else
        {
            Print(op);
        }
    }

    private void PrintLiteral(Literal literal)
    {
        var style = literal.Type is BuiltinType builtin ? builtin.Style : LiteralStyle.Cast;
        if (style == LiteralStyle.Boolean && !literal.Negative && literal.Digits is "0" or "1")
        {
            text.Write(literal.Digits == "0" ? "false" : "true");
            return;
        }

        if (style != LiteralStyle.Suffix)
        {
            text.Write('(');
            Print(literal.Type);
            text.Write(')');
        }

        text.Write(literal.Negative ? "-" : "");
        text.Write(style == LiteralStyle.Floating ? "[" : "");
        text.Write(literal.Digits);
        text.Write(style == LiteralStyle.Floating ? "]" : style == LiteralStyle.Suffix ? BuiltinTypes.Suffix((BuiltinType)literal.Type) : "");
    }

    private void PrintNew(NewExpression creation)
    {
        // That it is an array is not in the mangled type either.
        text.Write("new");
        if (creation.Placement.Items.Length > 0)
        {
            text.Write(' ');
            PrintOperand(creation.Placement);
        }

        text.Write(' ');
        Print(creation.Type);
        if (creation.Initializer is { } initializer)
        {
            PrintOperand(initializer);
        }
    }

    private void PrintFold(FoldExpression fold)
    {
        var held = packIndex;
        packIndex = -1;
        text.Write('(');
        if (fold.Code == "fl")
        {
            text.Write("...");
            PrintOperator(fold.Operator);
            PrintOperand(fold.First);
        }
        else
        {
            PrintOperand(fold.First);
            PrintOperator(fold.Operator);
            text.Write("...");
        }

        if (fold.Second is { } second)
        {
            PrintOperator(fold.Operator);
            PrintOperand(second);
        }

        text.Write(')');
        packIndex = held;
    }

    private void PrintDesignated(DesignatedInitializer initializer)
    {
        text.Write(initializer.Member ? '.' : '[');
        Print(initializer.First);
        if (initializer.Last is { } last)
        {
            text.Write(" ... ");
            Print(last);
        }

        text.Write(initializer.Member ? "" : "]");
        if (initializer.Value is DesignatedInitializer)
        {
            Print(initializer.Value);
            return;
        }

        text.Write('=');
        PrintOperand(initializer.Value);
    }
}
