namespace StackDepth.Ir;

/// <summary>
/// The numbers of the language: those of C#, unchecked, but that every operation is defined. Division and remainder by zero give 0; the smallest number divided by -1 is itself.
/// A number is kept in 64 bits: extended by its sign, or by zeroes where its type has none.
/// </summary>
internal static class IrNumbers
{
    internal static bool IsNumber(this IrType type) => type is IrType.Int32 or IrType.Int64 or IrType.UInt32 or IrType.UInt64;

    internal static bool IsUnsigned(this IrType type) => type is IrType.UInt32 or IrType.UInt64;

    internal static int Bits(this IrType type) => type is IrType.Int32 or IrType.UInt32 ? 32 : 64;

    /// <summary>The number of this type that has the low bits of <paramref name="value"/>.</summary>
    internal static long Wrap(IrType type, long value) => type switch
    {
        IrType.Int32 => (int)value,
        IrType.UInt32 => (uint)value,
        _ => value,
    };

    /// <summary>Which of two numbers of this type is the greater one.</summary>
    internal static int Compare(IrType type, long left, long right) => type == IrType.UInt64 ? ((ulong)left).CompareTo((ulong)right) : left.CompareTo(right);

    internal static bool Holds(CompareOperator op, IrType type, long left, long right) => op switch
    {
        CompareOperator.Equal => left == right,
        CompareOperator.NotEqual => left != right,
        CompareOperator.Less => Compare(type, left, right) < 0,
        CompareOperator.LessOrEqual => Compare(type, left, right) <= 0,
        CompareOperator.Greater => Compare(type, left, right) > 0,
        CompareOperator.GreaterOrEqual => Compare(type, left, right) >= 0,
        _ => throw IrNodes.Unknown(op),
    };

    internal static long Apply(ArithmeticOperator op, IrType type, long left, long right) => Wrap(type, op switch
    {
        ArithmeticOperator.Add => unchecked(left + right),
        ArithmeticOperator.Subtract => unchecked(left - right),
        ArithmeticOperator.Multiply => unchecked(left * right),
        ArithmeticOperator.Divide or ArithmeticOperator.Modulo when right == 0 => 0,
        ArithmeticOperator.Divide when type == IrType.UInt64 => (long)((ulong)left / (ulong)right),
        ArithmeticOperator.Divide => right == -1 ? unchecked(-left) : left / right,
        ArithmeticOperator.Modulo when type == IrType.UInt64 => (long)((ulong)left % (ulong)right),
        ArithmeticOperator.Modulo => right == -1 ? 0 : left % right,
        ArithmeticOperator.And => left & right,
        ArithmeticOperator.Or => left | right,
        ArithmeticOperator.Xor => left ^ right,
        ArithmeticOperator.ShiftLeft => left << ShiftCount(type, right),
        ArithmeticOperator.ShiftRight when type == IrType.UInt64 => left >>> ShiftCount(type, right),
        ArithmeticOperator.ShiftRight => left >> ShiftCount(type, right),
        ArithmeticOperator.Minimum => Compare(type, left, right) <= 0 ? left : right,
        ArithmeticOperator.Maximum => Compare(type, left, right) >= 0 ? left : right,
        _ => throw IrNodes.Unknown(op),
    });

    internal static long Apply(UnaryOperator op, IrType type, long operand) => Wrap(type, op switch
    {
        UnaryOperator.Negate => unchecked(-operand),
        UnaryOperator.Complement => ~operand,
        UnaryOperator.Absolute => operand < 0 && !type.IsUnsigned() ? unchecked(-operand) : operand,
        _ => throw IrNodes.Unknown(op),
    });

    /// <summary>By how many bits a shift shifts: the count modulo the width, as in C#.</summary>
    internal static int ShiftCount(IrType type, long count) => (int)(count & (type.Bits() - 1));
}
