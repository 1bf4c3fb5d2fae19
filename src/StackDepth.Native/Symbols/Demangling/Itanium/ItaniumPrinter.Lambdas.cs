namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    private void PrintLambda(LambdaName printed)
    {
        var held = lambda;
        lambda = printed;
        text.Write("{lambda");
        if (printed.Head.Length > 0)
        {
            text.Write('<');
            for (var i = 0; i < printed.Head.Length; i++)
            {
                text.Write(i > 0 ? ", " : "");
                PrintDeclaration(printed.Head[i], i);
            }

            text.Write('>');
        }

        text.Write('(');
        Print(printed.Parameters);
        lambda = held;
        text.Write(")#");
        text.Write(printed.Number + 1L);
        text.Write('}');
    }

    /// <summary>A parameter that the source gives no name to, or whose name is not mangled.</summary>
    private void PrintLambdaParameter(LambdaName within, int index)
    {
        if (index < within.Head.Length)
        {
            PrintParameterName(within.Head[index].Kind, index);
        }
        else
        {
            text.Write("auto:");
            text.Write(index + 1L);
        }
    }

    private void PrintParameterName(TemplateParameterKind kind, int index)
    {
        text.Write(kind switch { TemplateParameterKind.Type => "$T", TemplateParameterKind.Value => "$N", _ => "$TT" });
        text.Write(index);
    }

    /// <summary>A declaration, with a made-up name where it has an index.</summary>
    private void PrintDeclaration(TemplateParameterDeclaration declaration, int? index)
    {
        if (!limits.Enter())
        {
            text.Fail();
        }

        switch (declaration.Kind)
        {
            case TemplateParameterKind.Type when declaration.Type is { } concept:
                Print(concept);
                break;
            case TemplateParameterKind.Type:
                text.Write("typename");
                break;
            case TemplateParameterKind.Value:
                Print(declaration.Type!);
                break;
            default:
                text.Write("template<");
                for (var i = 0; i < declaration.Parameters.Length && !text.Failed; i++)
                {
                    text.Write(i > 0 ? ", " : "");
                    PrintDeclaration(declaration.Parameters[i], null);
                }

                text.Write("> class");
                break;
        }

        text.Write(declaration.Pack ? "..." : "");
        if (index is { } number)
        {
            text.Write(' ');
            PrintParameterName(declaration.Kind, number);
        }

        limits.Leave();
    }
}
