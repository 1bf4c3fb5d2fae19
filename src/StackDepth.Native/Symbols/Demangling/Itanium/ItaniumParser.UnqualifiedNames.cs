namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // <unqualified-name>, put into its scope and module.
    private Node? ParseUnqualifiedName(Node? scope, ModuleName? module)
    {
        if (Peek == 'W' && (module = ParseModuleName(module)) is null)
        {
            return null;
        }

        // With L, of internal linkage, comes after it.
        var isFriend = Accept('F');
        var name = Peek switch
        {
            >= '0' and <= '9' => ParseSourceName(),
            >= 'a' and <= 'z' => ParseOperatorFunction(),
            'D' when PeekNext == 'C' => ParseStructuredBinding(),
            'C' or 'D' => ParseStructor(),
            'U' => ParseUnnamed(),
            'L' => ParseInternalName(),
            _ => null,
        };

        if (name is not null && module is not null)
        {
            name = new ModuleMember(name, module);
        }

        name = ParseTags(name);
        if (name is not null && isFriend)
        {
            name = new FriendName(name);
        }

        return name is not null && scope is not null ? new QualifiedName(scope, name) : name;
    }

    // L <source-name> [<discriminator>]: of internal linkage.
    private Identifier? ParseInternalName()
    {
        at++;
        return ParseSourceName() is { } name && SkipDiscriminator() ? name : null;
    }

    // <module-name> ::= (W [P] <source-name>)+
    private ModuleName? ParseModuleName(ModuleName? parent)
    {
        while (Accept('W'))
        {
            var partition = Accept('P');
            if (ParseSourceName() is not Identifier part)
            {
                return null;
            }

            parent = new ModuleName(parent, part.Text, partition);
            Remember(parent);
        }

        return parent;
    }

    // <source-name> ::= <number> <identifier>
    private Identifier? ParseSourceName()
    {
        var length = ParseNumber();
        if (length <= 0 || length > text.Length - at)
        {
            return null;
        }

        var name = text.Substring(at, length);
        at += length;

        // What g++ calls the unnamed namespace.
        if (length >= 10 && name.StartsWith("_GLOBAL_", StringComparison.Ordinal) && name[8] is '.' or '_' or '$' && name[9] == 'N')
        {
            name = "(anonymous namespace)";
        }

        var identifier = new Identifier(name);
        lastName = identifier;
        return identifier;
    }

    // B <source-name>, any number of times.
    private Node? ParseTags(Node? name)
    {
        // A constructor's name is that of the class, not of the tag.
        var held = lastName;
        while (name is not null && Accept('B'))
        {
            name = ParseSourceName() is { } tag ? new TaggedName(name, tag) : null;
        }

        lastName = held;
        return name;
    }

    private Node? ParseOperatorFunction()
    {
        var held = inExpression;
        if (Peek == 'o' && PeekNext == 'n')
        {
            // In an expression, before an operator's name.
            inExpression = false;
            at += 2;
        }

        var name = ParseOperator();
        inExpression = held;
        if (name is OperatorName { Operator.Code: "li" })
        {
            return ParseSourceName() is { } suffix ? new Operation(name, [suffix]) : null;
        }

        return name;
    }

    // <operator-name>: two letters, cv and a type, or v, the number of operands and a name.
    private Node? ParseOperator()
    {
        if (Peek == 'v' && char.IsAsciiDigit(PeekNext))
        {
            var arity = PeekNext - '0';
            at += 2;
            return ParseSourceName() is { } name ? new VendorOperator(arity, name) : null;
        }

        if (Accept('c', 'v'))
        {
            var (heldConversion, isCast) = (inConversion, inExpression);
            inConversion = !inExpression;
            var type = ParseType();
            inConversion = heldConversion;
            return type is null ? null : isCast ? new CastOperator(type) : new ConversionOperator(type);
        }

        var op = OperatorTable.Find(Peek, PeekNext);
        at += op is null ? 0 : 2;
        return op;
    }

    // <ctor-dtor-name>: C1 to C5, CI1 and a base class (an inherited constructor), D0 to D5.
    private StructorName? ParseStructor()
    {
        var className = lastName;
        var destructor = Peek == 'D';
        at++;
        var inherited = !destructor && Accept('I');
        if (Peek is < '0' or > '5' || (!destructor && Peek == '0'))
        {
            return null;
        }

        at++;
        if (inherited)
        {
            // An inherited constructor has the name of the base that it is from.
            if (ParseType() is null)
            {
                return null;
            }

            className = lastName;
        }

        return className is null ? null : new StructorName(className, destructor);
    }

    // DC <source-name>+ E
    private StructuredBinding? ParseStructuredBinding()
    {
        at += 2;
        var names = new List<Node>();
        do
        {
            if (ParseSourceName() is not { } name)
            {
                return null;
            }

            names.Add(name);
        }
        while (!Accept('E'));
        return new StructuredBinding([.. names]);
    }

    // Ut [<number>] _ | Ul <template head> [Q <constraint>] <signature> [Q <constraint>] E [<number>] _
    private Node? ParseUnnamed()
    {
        if (Accept('U', 't'))
        {
            var number = ParseCompactNumber();
            return number < 0 ? null : Remember(new UnnamedType(number));
        }

        if (!Accept('U', 'l') || ParseTemplateHead() is not { } head || !SkipConstraint()
            || ParseParameters() is not { } parameters || !SkipConstraint() || !Accept('E'))
        {
            return null;
        }

        var count = ParseCompactNumber();
        return count < 0 ? null : new LambdaName(head, parameters, count);
    }
}
