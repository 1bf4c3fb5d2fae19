namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    /// <summary>The template scope in which a reference to a template parameter was first printed, by the parameter.</summary>
    private readonly Dictionary<Node, TemplateScope?> firstScopes = new(ReferenceEqualityComparer.Instance);

    /// <summary>The innermost template that is being printed, for the type of a conversion operator in its name.</summary>
    private TemplateInstance? current;

    /// <summary>The element of the packs in an expansion that is being printed, -1 for all of them.</summary>
    private int packIndex;

    /// <summary>The lambda whose signature is being printed. Its template parameters have no arguments.</summary>
    private LambdaName? lambda;

    private void PrintInstance(TemplateInstance instance)
    {
        var held = current;
        current = instance;
        Print(instance.Template);
        PrintArguments(instance.Arguments);
        current = held;
    }

    private void PrintArguments(ArgumentList arguments)
    {
        // operator< and operator<< are names.
        text.Write(text.Last == '<' ? " <" : "<");
        Print(arguments);
        text.Write(text.Last == '>' ? " >" : ">");
    }

    // The parameters in the type of a conversion operator are those of the operator itself, whose arguments come after.
    private void PrintConversion(Node type)
    {
        var held = scope;
        if (current is not null)
        {
            scope = new TemplateScope(current, scope);
        }

        if (type is TemplateInstance instance)
        {
            Print(instance.Template);
            scope = held;
            PrintArguments(instance.Arguments);
        }
        else
        {
            Print(type);
        }

        scope = held;
    }

    private Node? Argument(TemplateParameter parameter) =>
        scope is not null && parameter.Index < scope.Template.Arguments.Items.Length ? scope.Template.Arguments.Items[parameter.Index] : null;

    private Node? Element(Node? argument) => argument is not ArgumentList pack || packIndex < 0 ? argument
        : packIndex < pack.Items.Length ? pack.Items[packIndex] : null;

    private void PrintTemplateParameter(TemplateParameter parameter, Declarator? around)
    {
        if (lambda is not null)
        {
            PrintLambdaParameter(lambda, parameter.Index);
            PrintAround(around);
            return;
        }

        if (Element(Argument(parameter)) is not { } argument)
        {
            text.Fail();
            return;
        }

        // What the argument names are parameters of the template further out.
        var held = scope;
        scope = scope?.Outer;
        Print(argument, around);
        scope = held;
    }

    /// <summary>
    /// The reference that is left, and what it refers to, where a template argument is a reference itself: &amp; and &amp;&amp; make &amp;.
    /// Null, and the text has failed, where a parameter has no argument.
    /// </summary>
    private (ModifiedType Reference, Node Referred)? Collapse(ModifiedType reference)
    {
        var inner = reference.Inner;
        if (lambda is null && inner is TemplateParameter parameter)
        {
            RestoreScope(reference, parameter);
            if (Element(Argument(parameter)) is not { } argument)
            {
                text.Fail();
                return null;
            }

            inner = argument;
        }

        return inner switch
        {
            ModifiedType { Kind: ModifierKind.Reference } lvalue => (lvalue, lvalue.Inner),
            ModifiedType { Kind: ModifierKind.RvalueReference } rvalue => (reference, rvalue.Inner),
            _ => (reference, reference.Inner),
        };
    }

    /// <summary>A part that a substitution repeats means what it meant where it first stood, perhaps in another template.</summary>
    private void RestoreScope(ModifiedType reference, TemplateParameter parameter)
    {
        if (firstScopes.TryAdd(parameter, scope))
        {
            return;
        }

        for (var i = path.Count - 1; i >= 0; i--)
        {
            if (path[i] == parameter || (path[i] == reference && i != path.Count - 1))
            {
                return;
            }
        }

        scope = firstScopes[parameter];
    }

    private void PrintExpansion(PackExpansion expansion)
    {
        if (lambda is not null || FindPack(expansion.Pattern) is not { } pack)
        {
            // Only a pack of function parameters, or of a lambda.
            PrintOperand(expansion.Pattern);
            text.Write("...");
            return;
        }

        var held = packIndex;
        for (var i = 0; i < pack.Items.Length && !text.Failed; i++)
        {
            text.Write(i > 0 ? ", " : "");
            packIndex = i;
            Print(expansion.Pattern);
        }

        packIndex = held;
    }

    /// <summary>The first pack in a pattern. All of them have as many elements.</summary>
    private ArgumentList? FindPack(Node? pattern)
    {
        if (pattern is null or PackExpansion || text.Failed)
        {
            return null;
        }

        if (pattern is TemplateParameter parameter)
        {
            return Argument(parameter) as ArgumentList;
        }

        ArgumentList? found = null;
        if (limits.Enter())
        {
            foreach (var part in pattern.Parts)
            {
                if ((found = FindPack(part)) is not null)
                {
                    break;
                }
            }
        }
        else
        {
            text.Fail();
        }

        limits.Leave();
        return found;
    }
}
