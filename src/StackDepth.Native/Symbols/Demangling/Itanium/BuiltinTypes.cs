namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>How a literal of a type is written.</summary>
internal enum LiteralStyle
{
    /// <summary>The type in parentheses, then the value.</summary>
    Cast,

    /// <summary>The value, then the type's suffix, <c>u</c>, <c>l</c> ...</summary>
    Suffix,

    Boolean,

    /// <summary>The hexadecimal digits of the representation, in brackets.</summary>
    Floating,

    /// <summary>The type is its one value.</summary>
    Null,
}

internal static class BuiltinTypes
{
    private static readonly BuiltinType?[] ByLetter =
    [
        new("signed char"), new("bool", LiteralStyle.Boolean), new("char"), new("double", LiteralStyle.Floating),
        new("long double", LiteralStyle.Floating), new("float", LiteralStyle.Floating), new("__float128", LiteralStyle.Floating),
        new("unsigned char"), new("int", LiteralStyle.Suffix), new("unsigned int", LiteralStyle.Suffix), null,
        new("long", LiteralStyle.Suffix), new("unsigned long", LiteralStyle.Suffix), new("__int128"), new("unsigned __int128"),
        null, null, null, new("short"), new("unsigned short"), null, new("void"), new("wchar_t"),
        new("long long", LiteralStyle.Suffix), new("unsigned long long", LiteralStyle.Suffix), new("..."),
    ];

    internal static BuiltinType Void { get; } = ByLetter['v' - 'a']!;

    internal static BuiltinType? Find(char letter) => letter is >= 'a' and <= 'z' ? ByLetter[letter - 'a'] : null;

    /// <summary>The types whose letter comes after a D.</summary>
    internal static BuiltinType? FindExtended(char letter) => letter switch
    {
        'a' => new("auto"),
        'c' => new("decltype(auto)"),
        'd' => new("decimal64"),
        'e' => new("decimal128"),
        'f' => new("decimal32"),
        'h' => new("half", LiteralStyle.Floating),
        'i' => new("char32_t"),
        'n' => new("decltype(nullptr)", LiteralStyle.Null),
        's' => new("char16_t"),
        'u' => new("char8_t"),
        _ => null,
    };

    /// <summary>What follows the digits of an integer literal.</summary>
    internal static string Suffix(BuiltinType type) => type.Text switch
    {
        "unsigned int" => "u",
        "long" => "l",
        "unsigned long" => "ul",
        "long long" => "ll",
        "unsigned long long" => "ull",
        _ => "",
    };
}
