namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>A parameter of the function whose type is being written: 0 is <c>this</c>.</summary>
internal sealed class FunctionParameter(int number) : Node
{
    internal int Number { get; } = number;
}

/// <summary>A value of a type, as digits (of a floating-point type: the hexadecimal digits of its representation).</summary>
internal sealed class Literal(Node type, string digits, bool negative) : Node
{
    internal Node Type { get; } = type;

    internal string Digits { get; } = digits;

    internal bool Negative { get; } = negative;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Type };
}

/// <summary>An operator (or cast) applied to operands.</summary>
internal sealed class Operation(Node op, Node[] operands) : Node
{
    private readonly Node[] parts = [op, .. operands];

    internal Node Operator { get; } = op;

    internal Node[] Operands { get; } = operands;

    /// <summary>The ABI's two letters, empty for a cast or an operator of a vendor.</summary>
    internal string Code => Operator is OperatorName name ? name.Operator.Code : string.Empty;

    internal override ReadOnlySpan<Node?> Parts => parts;
}

/// <summary><c>x++</c> and <c>x--</c>.</summary>
internal sealed class PostfixOperation(OperatorName op, Node operand) : Node
{
    internal OperatorName Operator { get; } = op;

    internal Node Operand { get; } = operand;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Operand };
}

/// <summary><c>static_cast</c> and its like.</summary>
internal sealed class NamedCast(OperatorName op, Node type, Node operand) : Node
{
    internal OperatorName Operator { get; } = op;

    internal Node Type { get; } = type;

    internal Node Operand { get; } = operand;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Type, Operand };
}

internal sealed class CastOperator(Node type) : Node
{
    internal Node Type { get; } = type;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Type };
}

internal sealed class NewExpression(ArgumentList placement, Node type, Node? initializer) : Node
{
    internal ArgumentList Placement { get; } = placement;

    internal Node Type { get; } = type;

    /// <summary>A list of arguments in parentheses, another initializer, or null.</summary>
    internal Node? Initializer { get; } = initializer;

    internal override ReadOnlySpan<Node?> Parts => new[] { Placement, Type, Initializer };
}

/// <summary>A fold over a pack: <paramref name="code"/> is <c>fl</c>, <c>fr</c>, <c>fL</c> or <c>fR</c>.</summary>
internal sealed class FoldExpression(string code, OperatorName op, Node first, Node? second) : Node
{
    internal string Code { get; } = code;

    internal OperatorName Operator { get; } = op;

    internal Node First { get; } = first;

    internal Node? Second { get; } = second;

    internal override ReadOnlySpan<Node?> Parts => new[] { First, Second };
}

/// <summary>Braces around values, with the type before them where it is named.</summary>
internal sealed class InitializerList(Node? type, ArgumentList values) : Node
{
    internal Node? Type { get; } = type;

    internal ArgumentList Values { get; } = values;

    internal override ReadOnlySpan<Node?> Parts => new[] { Type, Values };
}

/// <summary>The initializer of a member (<c>di</c>), an element (<c>dx</c>) or a range of elements (<c>dX</c>).</summary>
internal sealed class DesignatedInitializer(Node first, Node? last, bool member, Node value) : Node
{
    internal Node First { get; } = first;

    internal Node? Last { get; } = last;

    internal bool Member { get; } = member;

    internal Node Value { get; } = value;

    internal override ReadOnlySpan<Node?> Parts => new[] { First, Last, Value };
}

internal sealed class VendorExpression(Node name, ArgumentList arguments) : Node
{
    internal Node Name { get; } = name;

    internal ArgumentList Arguments { get; } = arguments;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Name, Arguments };
}
