namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    private Node? ParseExpression()
    {
        var held = inExpression;
        inExpression = true;
        var expression = limits.Enter() ? ParseExpressionWithin() : null;
        limits.Leave();
        inExpression = held;
        return expression;
    }

    private Node? ParseExpressionWithin()
    {
        switch (Peek, PeekNext)
        {
            case ('L', _):
                return ParsePrimary();
            case ('T', _):
                return ParseTemplateParameter();
            case ('s', 'r'):
                at += 2;
                return ParseUnresolvedName();
            case ('s', 'p'):
                at += 2;
                return ParseExpression() is { } pattern ? new PackExpansion(pattern) : null;
            case ('f', 'p'):
                at += 2;
                return ParseFunctionParameter();
            case ('f', 'L') when IsParameterOfOuterFunction():
                at += 2;
                return ParseNumber() >= 0 && Accept('p') ? ParseFunctionParameter() : null;
            case ('i', 'l'):
                at += 2;
                return ParseInitializerList(null);
            case ('t', 'l'):
                at += 2;
                return ParseType() is { } type ? ParseInitializerList(type) : null;
            case ('u', _):
                at++;
                return ParseVendorExpression();
            case ('o', 'n') or ( >= '0' and <= '9', _):
                return ParseMember(null);
            default:
                return ParseOperation();
        }
    }

    // fL <level> p: told from the fold fL <operator> by the digit.
    private bool IsParameterOfOuterFunction() => at + 2 < text.Length && char.IsAsciiDigit(text[at + 2]);

    // T, or qualifiers and a number that counts from 1.
    private FunctionParameter? ParseFunctionParameter()
    {
        if (Accept('T'))
        {
            return new FunctionParameter(0);
        }

        while (Peek is 'r' or 'V' or 'K')
        {
            at++;
        }

        var number = ParseCompactNumber();
        return number < 0 ? null : new FunctionParameter(number + 1);
    }

    // sr <unresolved-type> <base-unresolved-name> | sr <unresolved-qualifier-level>+ E <base-unresolved-name>, after the sr.
    // The second was once written without the E and with one level only, which makes it the first.
    private Node? ParseUnresolvedName()
    {
        Node? scope;
        if (!oldScopes && (char.IsAsciiDigit(Peek) || char.IsAsciiLetterLower(Peek) || Peek is 'C' or 'U' or 'L'))
        {
            IsAmbiguous = true;
            scope = ParsePrefix(substitutable: false);
            Accept('E');
        }
        else
        {
            scope = ParseType();
        }

        return scope is null ? null : ParseMember(scope);
    }

    // A name, perhaps with template arguments, in a scope or alone.
    private Node? ParseMember(Node? scope)
    {
        var name = ParseUnqualifiedName(scope, null);
        return name is not null && Peek == 'I' ? ParseInstance(name) : name;
    }

    private InitializerList? ParseInitializerList(Node? type) => ParseExpressions('E') is { } values ? new InitializerList(type, values) : null;

    private ArgumentList? ParseExpressions(char end)
    {
        var expressions = new List<Node>();
        while (!Accept(end))
        {
            if (ParseExpression() is not { } expression)
            {
                return null;
            }

            expressions.Add(expression);
        }

        return new ArgumentList([.. expressions]);
    }

    // u <source-name> <template-arg>* E
    private VendorExpression? ParseVendorExpression()
    {
        if (ParseSourceName() is not { } name)
        {
            return null;
        }

        return ParseArgumentsToEnd() is { } arguments ? new VendorExpression(name, arguments) : null;
    }

    // <expr-primary> ::= L <type> <value> E | L [_]Z <encoding> E
    private Node? ParsePrimary()
    {
        at++;
        if (Peek is '_' or 'Z')
        {
            return ParseMangledName(outermost: false) is { } name && Accept('E') ? name : null;
        }

        if (ParseType() is not { } type)
        {
            return null;
        }

        if (type is BuiltinType { Style: LiteralStyle.Null } && Accept('E'))
        {
            return type;
        }

        var negative = Accept('n');
        var start = at;
        while (Peek is not ('E' or '\0'))
        {
            at++;
        }

        // Only a string has no value: its type is all that is mangled.
        var digits = text[start..at];
        return (digits.Length > 0 || type is ArrayType) && Accept('E') ? new Literal(type, digits, negative) : null;
    }
}
