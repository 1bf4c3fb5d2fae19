namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    private void PrintOperation(Operation operation)
    {
        if (operation.Operator is VendorOperator vendor)
        {
            Print(vendor.Name);
            text.Write('(');
            PrintList(operation.Operands);
            text.Write(')');
            return;
        }

        switch (operation.Operands)
        {
            case []:
                PrintOperator(operation.Operator);
                break;
            case [var operand]:
                PrintUnary(operation, operand);
                break;
            case [var left, var right]:
                PrintBinary(operation, left, right);
                break;
            case [var condition, var then, var otherwise]:
                PrintOperand(condition);
                PrintOperator(operation.Operator);
                PrintOperand(then);
                text.Write(" : ");
                PrintOperand(otherwise);
                break;
            default:
                text.Fail();
                break;
        }
    }

    private void PrintUnary(Operation operation, Node operand)
    {
        switch (operation.Code)
        {
            case "sZ":
                PrintPackLength(operand);
                return;
            case "sP":
                text.Write(ArgumentCount(operand));
                return;
            case "ad" when operand is TypedName { Name: QualifiedName name }:
                // The address of a member function: its parameters are not part of that.
                operand = name;
                break;
        }

        if (operation.Operator is CastOperator cast)
        {
            text.Write('(');
            Print(cast.Type);
            text.Write(')');
        }
        else
        {
            PrintOperator(operation.Operator);
        }

        switch (operation.Code)
        {
            case "gs":
                Print(operand);
                break;
            case "st" or "at" or "ti" or "te" or "nx":
                text.Write('(');
                Print(operand);
                text.Write(')');
                break;
            default:
                PrintOperand(operand);
                break;
        }
    }

    private void PrintPackLength(Node operand)
    {
        if (FindPack(operand) is { } pack)
        {
            text.Write(pack.Items.Length);
        }
        else
        {
            text.Write("sizeof...");
            PrintOperand(operand);
        }
    }

    private long ArgumentCount(Node arguments)
    {
        long count = 0;
        foreach (var argument in ((ArgumentList)arguments).Items)
        {
            count += argument is PackExpansion expansion && FindPack(expansion.Pattern) is { } pack ? pack.Items.Length : 1;
        }

        return count;
    }

    private void PrintBinary(Operation operation, Node left, Node right)
    {
        // A > in a template argument could be taken for the end of the arguments.
        var parenthesized = operation.Code == "gt";
        text.Write(parenthesized ? "(" : "");
        switch (operation.Code)
        {
            case "cl":
                // The name of what is called goes without its parameters' types.
                PrintOperand(left is TypedName callee ? callee.Name : left);
                PrintOperand(right);
                break;
            case "ix":
                PrintOperand(left);
                text.Write('[');
                Print(right);
                text.Write(']');
                break;
            default:
                PrintOperand(left);
                PrintOperator(operation.Operator);
                PrintOperand(right);
                break;
        }

        text.Write(parenthesized ? ")" : "");
    }
}
