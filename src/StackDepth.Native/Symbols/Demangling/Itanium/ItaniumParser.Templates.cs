namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // <template-args> ::= I <template-arg>* [Q <constraint>] E; g++ once wrote packs with an I, the ABI has J.
    private ArgumentList? ParseTemplateArguments()
    {
        at++;
        return ParseArgumentsToEnd();
    }

    private ArgumentList? ParseArgumentsToEnd()
    {
        // A constructor after the arguments is named after what stood before them.
        var held = lastName;
        var arguments = new List<Node>();
        while (!Accept('E'))
        {
            if (Peek == 'Q')
            {
                if (SkipConstraint() && Accept('E'))
                {
                    break;
                }

                return null;
            }

            if (ParseTemplateArgument() is not { } argument)
            {
                return null;
            }

            arguments.Add(argument);
        }

        lastName = held;
        return new ArgumentList([.. arguments]);
    }

    // [Q <constraint>]: which of two declarations a template is. It is not shown.
    private bool SkipConstraint() => !Accept('Q') || ParseExpression() is not null;

    private Node? ParseTemplateArgument()
    {
        switch (Peek)
        {
            case 'T' when PeekNext is 'y' or 'n' or 't' or 'p' or 'k':
                // A declaration before the argument says of which of two templates it is. It is not shown.
                return ParseTemplateParameterDeclaration() is null ? null : ParseTemplateArgument();
            case 'X':
                at++;
                return ParseExpression() is { } expression && Accept('E') ? expression : null;
            case 'L':
                return ParsePrimary();
            case 'I' or 'J':
                var pack = limits.Enter() ? ParseTemplateArguments() : null;
                limits.Leave();
                return pack;
            default:
                return ParseType();
        }
    }

    // <template-param> ::= T_ | T <number> _
    private TemplateParameter? ParseTemplateParameter()
    {
        at++;
        var index = ParseCompactNumber();
        return index < 0 ? null : new TemplateParameter(index);
    }

    /// <summary>
    /// A template parameter as a type, and as a template of which arguments follow. In the name of a conversion operator the
    /// arguments can be those of the operator instead: they are, if no others follow them.
    /// </summary>
    private Node? ParseTemplateParameterType()
    {
        var parameter = Remember(ParseTemplateParameter());
        if (parameter is null || Peek != 'I')
        {
            return parameter;
        }

        var (start, remembered, held) = (at, substitutions.Count, lastName);
        if (ParseTemplateArguments() is not { } arguments)
        {
            return null;
        }

        if (inConversion && Peek != 'I')
        {
            (at, lastName) = (start, held);
            substitutions.RemoveRange(remembered, substitutions.Count - remembered);
            return parameter;
        }

        return Remember(new TemplateInstance(parameter, arguments));
    }

    // <template-param-decl>* before the signature of a lambda, or within a template template parameter.
    private TemplateParameterDeclaration[]? ParseTemplateHead()
    {
        var head = new List<TemplateParameterDeclaration>();
        while (Peek == 'T' && PeekNext is 'y' or 'n' or 't' or 'p' or 'k')
        {
            if (ParseTemplateParameterDeclaration() is not { } declaration)
            {
                return null;
            }

            head.Add(declaration);
        }

        return [.. head];
    }

    // Ty | Tk <concept> | Tn <type> | Tt <template-param-decl>* E | Tp <template-param-decl>
    private TemplateParameterDeclaration? ParseTemplateParameterDeclaration()
    {
        var pack = Accept('T', 'p');
        if (Accept('T', 'y'))
        {
            return new(TemplateParameterKind.Type, pack, null, []);
        }

        if (Accept('T', 'k'))
        {
            return ParseName() is { } concept ? new(TemplateParameterKind.Type, pack, concept, []) : null;
        }

        if (Accept('T', 'n'))
        {
            return ParseType() is { } type ? new(TemplateParameterKind.Value, pack, type, []) : null;
        }

        if (!Accept('T', 't'))
        {
            return null;
        }

        var head = limits.Enter() ? ParseTemplateHead() : null;
        limits.Leave();
        return head is not null && Accept('E') ? new(TemplateParameterKind.Template, pack, null, head) : null;
    }
}
