namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // <name> ::= <nested-name> | <local-name> | <unscoped-name> [<template-args>]
    private Node? ParseName()
    {
        switch (Peek)
        {
            case 'N':
                return ParseNestedName();
            case 'Z':
                return ParseLocalName();
            case 'S' when PeekNext != 't':
                if (ParseSubstitution(prefix: false) is not { } substitution)
                {
                    return null;
                }

                // The name of a module's member can begin with a module that was named before.
                if (substitution is ModuleName module)
                {
                    return FinishUnscopedName(ParseUnqualifiedName(null, module));
                }

                return Peek == 'I' ? ParseInstance(substitution) : substitution;
            case 'S':
                at += 2;
                return FinishUnscopedName(ParseUnqualifiedName(new StandardName("std"), null));
            default:
                return FinishUnscopedName(ParseUnqualifiedName(null, null));
        }
    }

    private Node? FinishUnscopedName(Node? name) => name is not null && Peek == 'I' ? ParseInstance(Remember(name)!) : name;

    private TemplateInstance? ParseInstance(Node template) =>
        ParseTemplateArguments() is { } arguments ? new TemplateInstance(template, arguments) : null;

    // <nested-name> ::= N [<CV-qualifiers>] [<ref-qualifier>] <prefix> E
    private Node? ParseNestedName()
    {
        at++;
        if (ParseQualifiers(ofFunction: true) is not { } qualifiers)
        {
            return null;
        }

        var reference = ParseRefQualifier();
        if (ParsePrefix(substitutable: true) is not { } name || !Accept('E'))
        {
            return null;
        }

        name = Qualify(name, qualifiers);
        return reference is { } kind ? new ModifiedType(kind, name) : name;
    }

    private ModifierKind? ParseRefQualifier() => Accept('R') ? ModifierKind.ThisReference : Accept('O') ? ModifierKind.ThisRvalueReference : null;

    // <prefix>: parts up to the E, each together with what is before it a candidate for substitution, but for the whole.
    private Node? ParsePrefix(bool substitutable)
    {
        Node? prefix = null;
        while (limits.Step())
        {
            var remembered = false;
            switch (Peek)
            {
                case 'E':
                    return prefix;
                case 'D' when PeekNext is 'T' or 't':
                    if (prefix is not null)
                    {
                        return null;
                    }

                    prefix = ParseType();
                    remembered = true;
                    break;
                case 'S' when prefix is null:
                    var substitution = ParseSubstitution(prefix: true);
                    remembered = true;
                    if (substitution is ModuleName module)
                    {
                        prefix = ParseUnqualifiedName(null, module);
                        remembered = false;
                    }
                    else
                    {
                        prefix = substitution;
                    }

                    break;
                case 'T' when prefix is null:
                    prefix = ParseTemplateParameter();
                    break;
                case 'I':
                    prefix = prefix is null ? null : ParseInstance(prefix);
                    break;
                case 'M':
                    // The closure of a data member's initializer follows: the member is remembered already.
                    at++;
                    remembered = true;
                    prefix = Peek == 'E' ? null : prefix;
                    break;
                default:
                    prefix = ParseUnqualifiedName(prefix, null);
                    break;
            }

            if (prefix is null)
            {
                return null;
            }

            if (substitutable && !remembered && Peek != 'E')
            {
                Remember(prefix);
            }
        }

        return null;
    }

    // <local-name> ::= Z <encoding> E <name> [<discriminator>] | Z <encoding> E s [<discriminator>] | Z <encoding> E d [<number>] _ <name>
    private LocalName? ParseLocalName()
    {
        at++;
        if (ParseEncoding(outermost: false) is not { } function || !Accept('E'))
        {
            return null;
        }

        if (function is TypedName { Type.Returned: not null } typed)
        {
            function = new TypedName(typed.Name, new FunctionType(null, typed.Type.Parameters), typed.Constraint);
        }

        if (Accept('s'))
        {
            return SkipDiscriminator() ? new LocalName(function, new Identifier("string literal")) : null;
        }

        var argument = Accept('d') ? ParseCompactNumber() : -2;
        if (argument == -1 || ParseName() is not { } entity)
        {
            return null;
        }

        // A closure and an unnamed type have a number of their own.
        if (entity is not (LambdaName or UnnamedType) && !SkipDiscriminator())
        {
            return null;
        }

        return new LocalName(function, argument >= 0 ? new DefaultArgument(argument, entity) : entity);
    }
}
