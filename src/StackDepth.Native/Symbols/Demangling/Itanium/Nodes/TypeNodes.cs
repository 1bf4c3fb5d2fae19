namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed class BuiltinType(string text, LiteralStyle style = LiteralStyle.Cast) : Node
{
    internal string Text { get; } = text;

    internal LiteralStyle Style { get; } = style;
}

internal enum ModifierKind
{
    Pointer,
    Reference,
    RvalueReference,
    Restrict,
    Volatile,
    Const,
    Complex,
    Imaginary,

    /// <summary>A qualifier of a vendor: the operand is its name.</summary>
    Vendor,

    /// <summary>A pointer to a member of the class that is the operand.</summary>
    MemberPointer,

    /// <summary>A vector of as many elements as the operand says.</summary>
    Vector,

    // From here on what stands behind a function's parameters.
    ThisRestrict,
    ThisVolatile,
    ThisConst,
    ThisReference,
    ThisRvalueReference,
    TransactionSafe,

    /// <summary>The operand is the condition, if there is one.</summary>
    Noexcept,

    /// <summary>The operand lists the types.</summary>
    Throw,
}

/// <summary>A type made from another by something that C++ writes around the declared name.</summary>
internal sealed class ModifiedType(ModifierKind kind, Node inner, Node? operand = null) : Node
{
    internal ModifierKind Kind { get; } = kind;

    internal Node Inner { get; } = inner;

    internal Node? Operand { get; } = operand;

    internal bool IsOfFunction => Kind >= ModifierKind.ThisRestrict;

    internal bool IsCv => Kind is ModifierKind.Restrict or ModifierKind.Volatile or ModifierKind.Const;

    internal bool IsReference => Kind is ModifierKind.Reference or ModifierKind.RvalueReference;

    internal override ReadOnlySpan<Node?> Parts => Kind == ModifierKind.MemberPointer ? new[] { Operand, Inner } : new[] { Inner, Operand };
}

internal sealed class FunctionType(Node? returned, ArgumentList parameters) : Node
{
    /// <summary>Null where the mangled name has none: only templates and function types do.</summary>
    internal Node? Returned { get; } = returned;

    internal ArgumentList Parameters { get; } = parameters;

    internal override ReadOnlySpan<Node?> Parts => new[] { Returned, Parameters };
}

internal sealed class ArrayType(Node? bound, Node element) : Node
{
    internal Node? Bound { get; } = bound;

    internal Node Element { get; } = element;

    internal override ReadOnlySpan<Node?> Parts => new[] { Bound, Element };
}

internal sealed class PackExpansion(Node pattern) : Node
{
    internal Node Pattern { get; } = pattern;
}

internal sealed class Decltype(Node expression) : Node
{
    internal Node Expression { get; } = expression;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Expression };
}

/// <summary>A parameter of the template that encloses it.</summary>
internal sealed class TemplateParameter(int index) : Node
{
    internal int Index { get; } = index;
}

internal enum TemplateParameterKind
{
    Type,
    Value,
    Template,
}

/// <summary>A template parameter that a lambda, or a template template parameter, declares.</summary>
internal sealed class TemplateParameterDeclaration(TemplateParameterKind kind, bool pack, Node? type, TemplateParameterDeclaration[] parameters) : Node
{
    internal TemplateParameterKind Kind { get; } = kind;

    internal bool Pack { get; } = pack;

    /// <summary>The type of a value, or the concept that a type satisfies, if one is named.</summary>
    internal Node? Type { get; } = type;

    /// <summary>The parameters of a template.</summary>
    internal TemplateParameterDeclaration[] Parameters { get; } = parameters;
}

/// <summary>A <c>_BitInt</c> of C23.</summary>
internal sealed class BitIntType(bool isUnsigned, Node bits) : Node
{
    internal bool IsUnsigned { get; } = isUnsigned;

    internal Node Bits { get; } = bits;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Bits };
}
