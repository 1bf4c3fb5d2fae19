using System.Collections.Immutable;

namespace StackDepth.Ir;

internal enum ArithmeticOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    Minimum,
    Maximum,
}

internal enum UnaryOperator
{
    Negate,
    Complement,
    Absolute,
}

/// <summary>Two numbers of one type, computed in that type as <see cref="IrNumbers"/> defines it. The right one of a shift is an <see cref="IrType.Int32"/>.</summary>
internal sealed record IrArithmetic(ArithmeticOperator Operator, IrExpression Left, IrExpression Right, IrType Type) : IrExpression(Type)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Left, Right };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => this with { Left = operands[0], Right = operands[1] };
}

internal sealed record IrUnary(UnaryOperator Operator, IrExpression Operand) : IrExpression(Operand.Type)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Operand };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrUnary(Operator, operands[0]);
}

/// <summary>The number in another type: its low bits, as an unchecked cast of C# has them.</summary>
internal sealed record IrConvert(IrExpression Operand, IrType Type) : IrExpression(Type)
{
    /// <summary>Whether the number stays as it is: a register holds an int as the long of the same value.</summary>
    internal bool IsFree => Operand.Type == IrType.Int32 && Type == IrType.Int64;

    internal override ReadOnlySpan<IrExpression> Operands => new[] { Operand };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrConvert(operands[0], Type);
}

/// <summary>One of two values; the other is not computed.</summary>
internal sealed record IrIf(IrExpression Test, IrExpression Then, IrExpression Otherwise) : IrExpression(Then.Type)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Test, Then, Otherwise };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrIf(operands[0], operands[1], operands[2]);
}

/// <summary>Whether the operand, which is no text, is one of the constants.</summary>
internal sealed record IrIsIn(IrExpression Operand, ImmutableArray<long> Values) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Operand };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrIsIn(operands[0], Values);

    public bool Equals(IrIsIn? other) => other is not null && Operand == other.Operand && Values.SequenceEqual(other.Values);

    public override int GetHashCode() => Values.Aggregate(Operand.GetHashCode(), HashCode.Combine);
}

/// <summary>Whether a text begins with a constant.</summary>
internal sealed record IrStartsWith(IrExpression Operand, string Prefix) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Operand };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrStartsWith(operands[0], Prefix);
}
