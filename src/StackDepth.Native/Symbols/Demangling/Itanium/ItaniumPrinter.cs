namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>
/// Writes a parsed name as the demangler of binutils does, down to its spaces: what nm, addr2line, perf and gdb show for the same
/// symbol can be compared and searched for.
/// </summary>
internal sealed partial class ItaniumPrinter(DemangledText text, DemangleLimits limits)
{
    /// <summary>The nodes that are being printed, outermost first.</summary>
    private readonly List<Node> path = [];

    private TemplateScope? scope;

    internal void Print(Node node) => Print(node, null);

    private void Print(Node node, Declarator? around)
    {
        if (text.Failed)
        {
            return;
        }

        if (limits.Enter())
        {
            path.Add(node);
            PrintWithin(node, around);
            path.RemoveAt(path.Count - 1);
        }
        else
        {
            text.Fail();
        }

        limits.Leave();
    }

    private void PrintWithin(Node node, Declarator? around)
    {
        switch (node)
        {
            case ModifiedType modified:
                PrintModified(modified, around);
                break;
            case FunctionType { Returned: { } returned }:
                Print(returned, new Declarator(node, scope, around));
                break;
            case FunctionType function:
                PrintFunction(function, around);
                break;
            case ArrayType array:
                PrintElement(array, around);
                break;
            case TemplateParameter parameter:
                PrintTemplateParameter(parameter, around);
                break;
            default:
                PrintSelf(node);
                PrintAround(around);
                break;
        }
    }

    /// <summary>What nothing is written within.</summary>
    private void PrintSelf(Node node)
    {
        switch (node)
        {
            case BuiltinType type:
                text.Write(type.Text);
                break;
            case BitIntType type:
                text.Write(type.IsUnsigned ? "unsigned _BitInt(" : "_BitInt(");
                Print(type.Bits);
                text.Write(')');
                break;
            case Decltype type:
                text.Write("decltype (");
                Print(type.Expression);
                text.Write(')');
                break;
            case PackExpansion expansion:
                PrintExpansion(expansion);
                break;
            case ArgumentList list:
                PrintList(list.Items);
                break;
            case TemplateParameterDeclaration declaration:
                PrintDeclaration(declaration, null);
                break;
            default:
                if (!PrintName(node))
                {
                    PrintExpression(node);
                }

                break;
        }
    }

    /// <summary>Separated by commas. A pack without arguments is nothing at all.</summary>
    private void PrintList(ReadOnlySpan<Node> items)
    {
        var (start, end) = (text.Length, text.Length);
        foreach (var item in items)
        {
            if (end > start)
            {
                text.Write(", ");
            }

            var before = text.Length;
            Print(item);
            if (text.Length > before)
            {
                end = text.Length;
            }
            else
            {
                text.CutTo(end);
            }
        }
    }
}
