namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>
/// A recursive descent over the ABI's grammar. A method that parses a production answers null where the text has none; the whole
/// parse has then failed, but for the one place that goes back (<see cref="ParseTemplateParameterType"/>).
/// </summary>
/// <param name="text">The symbol.</param>
/// <param name="verbose">Whether abbreviations of the standard library are written out.</param>
/// <param name="limits">What the symbol may cost.</param>
/// <param name="oldScopes">Whether the scope of an unresolved name is a single type, as g++ had it before the ABI settled: see <see cref="IsAmbiguous"/>.</param>
internal sealed partial class ItaniumParser(string text, bool verbose, DemangleLimits limits, bool oldScopes)
{
    private readonly List<Node> substitutions = [];

    /// <summary>The last name seen, which is that of a constructor or destructor that follows.</summary>
    private Node? lastName;

    /// <summary>In an expression <c>cv</c> is a cast; in a name it is a conversion operator.</summary>
    private bool inExpression;

    private bool inConversion;
    private int at;

    /// <summary>Set when the scope of an unresolved name was met that can be read in two ways.</summary>
    internal bool IsAmbiguous { get; private set; }

    private char Peek => at < text.Length ? text[at] : '\0';

    private char PeekNext => at + 1 < text.Length ? text[at + 1] : '\0';

    /// <summary>The whole symbol.</summary>
    internal Node? ParseSymbol()
    {
        var name = text.StartsWith("_Z", StringComparison.Ordinal) ? ParseMangledName(outermost: true) : ParseGlobalStructor();
        return at == text.Length ? name : null;
    }

    private bool Accept(char c)
    {
        if (Peek != c)
        {
            return false;
        }

        at++;
        return true;
    }

    private bool Accept(char first, char second)
    {
        if (Peek != first || PeekNext != second)
        {
            return false;
        }

        at += 2;
        return true;
    }

    /// <summary>Remembers what a later part of the name can refer to.</summary>
    private Node? Remember(Node? node)
    {
        if (node is not null)
        {
            substitutions.Add(node);
        }

        return node;
    }

    // <mangled-name> ::= _Z <encoding> [. <vendor suffix>]...
    private Node? ParseMangledName(bool outermost)
    {
        // g++ left out the underscore within expressions (-fabi-version=2).
        if ((!Accept('_') && outermost) || !Accept('Z'))
        {
            return null;
        }

        var name = ParseEncoding(outermost);
        while (outermost && name is not null && Peek == '.' && (char.IsAsciiLetterLower(PeekNext) || char.IsAsciiDigit(PeekNext) || PeekNext == '_'))
        {
            name = new Clone(name, ParseCloneSuffix());
        }

        return name;
    }

    // A word (.cold, .isra, .llvm, .0), and the numbers that follow it, each after a dot.
    private string ParseCloneSuffix()
    {
        var start = at;
        at += 2;
        while (char.IsAsciiLetterLower(Peek) || char.IsAsciiDigit(Peek) || Peek == '_')
        {
            at++;
        }

        while (Peek == '.' && char.IsAsciiDigit(PeekNext))
        {
            at += 2;
            while (char.IsAsciiDigit(Peek))
            {
                at++;
            }
        }

        return text[start..at];
    }

    // What g++ called the functions that run a file's constructors and destructors: _GLOBAL__I_ and the file's first public name.
    private SpecialName? ParseGlobalStructor()
    {
        const int Prefix = 11;
        if (text.Length <= Prefix || !text.StartsWith("_GLOBAL_", StringComparison.Ordinal) || text[8] is not ('_' or '.' or '$') || text[9] is not ('I' or 'D') || text[10] != '_')
        {
            return null;
        }

        var description = text[9] == 'I' ? "global constructors keyed to " : "global destructors keyed to ";
        at = Prefix;
        if (text.AsSpan(at).StartsWith("_Z"))
        {
            return ParseMangledName(outermost: false) is { } mangled ? new SpecialName(description, mangled) : null;
        }

        at = text.Length;
        return new SpecialName(description, new Identifier(text[Prefix..]));
    }

    // <encoding> ::= <name> <bare-function-type> [Q <constraint>] | <name> | <special-name>
    private Node? ParseEncoding(bool outermost)
    {
        if (!limits.Enter())
        {
            limits.Leave();
            return null;
        }

        var encoding = Peek is 'G' or 'T' ? ParseSpecialName() : ParseFunctionOrData(outermost);
        limits.Leave();
        return encoding;
    }

    private Node? ParseFunctionOrData(bool outermost)
    {
        var name = ParseName();
        if (name is null || Peek is '\0' or 'E')
        {
            return name;
        }

        if (ParseBareFunctionType(HasReturnType(name)) is not { } type)
        {
            return null;
        }

        Node? constraint = null;
        if (Accept('Q') && (constraint = ParseExpression()) is null)
        {
            return null;
        }

        // The return type of a function within which something else is declared would read as that of the other.
        return new TypedName(name, !outermost && name is LocalName ? new FunctionType(null, type.Parameters) : type, constraint);
    }

    /// <summary>The ABI mangles the return type of templates only, and not of those that have none to write.</summary>
    private static bool HasReturnType(Node name) => name switch
    {
        LocalName local => HasReturnType(local.Entity),
        DefaultArgument argument => HasReturnType(argument.Entity),
        TemplateInstance instance => !IsWithoutReturnType(instance.Template),
        ModifiedType { IsOfFunction: true } qualified => HasReturnType(qualified.Inner),
        _ => false,
    };

    private static bool IsWithoutReturnType(Node name) => name switch
    {
        QualifiedName qualified => IsWithoutReturnType(qualified.Member),
        LocalName local => IsWithoutReturnType(local.Entity),
        TaggedName tagged => IsWithoutReturnType(tagged.Name),
        StructorName or ConversionOperator => true,
        _ => false,
    };
}
