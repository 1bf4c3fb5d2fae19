using System.Numerics;
using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>The numbers of the language, computed by those of C#.</summary>
internal static class ModelNumbers
{
    internal static int Compare(IrType type, long left, long right) => type switch
    {
        IrType.UInt64 => ((ulong)left).CompareTo((ulong)right),
        IrType.UInt32 => ((uint)left).CompareTo((uint)right),
        _ => left.CompareTo(right),
    };

    internal static long Convert(IrType type, long value) => type switch
    {
        IrType.Int32 => (int)value,
        IrType.UInt32 => (uint)value,
        _ => value,
    };

    internal static long Compute(ArithmeticOperator op, IrType type, long left, long right) => type switch
    {
        IrType.Int32 => Compute(op, (int)left, (int)right, (int)right),
        IrType.UInt32 => Compute(op, (uint)left, (uint)right, (int)right),
        IrType.Int64 => Compute<long>(op, left, right, (int)right),
        IrType.UInt64 => (long)Compute(op, (ulong)left, (ulong)right, (int)right),
        _ => throw IrNodes.Unknown(type),
    };

    internal static long Compute(UnaryOperator op, IrType type, long operand) => unchecked((op, type) switch
    {
        (UnaryOperator.Negate, IrType.Int32) => -(int)operand,
        (UnaryOperator.Negate, IrType.UInt32) => (uint)-operand,
        (UnaryOperator.Negate, _) => -operand,
        (UnaryOperator.Complement, IrType.Int32) => ~(int)operand,
        (UnaryOperator.Complement, IrType.UInt32) => ~(uint)operand,
        (UnaryOperator.Complement, _) => ~operand,
        (_, IrType.UInt32 or IrType.UInt64) => operand,
        (_, IrType.Int32) => (int)operand == int.MinValue ? int.MinValue : int.Abs((int)operand),
        _ => operand == long.MinValue ? long.MinValue : long.Abs(operand),
    });

    private static T Compute<T>(ArithmeticOperator op, T left, T right, int count)
        where T : IBinaryInteger<T>
    {
        return unchecked(op switch
        {
            ArithmeticOperator.Add => left + right,
            ArithmeticOperator.Subtract => left - right,
            ArithmeticOperator.Multiply => left * right,
            ArithmeticOperator.Divide => T.IsZero(right) ? T.Zero : IsMinusOne(right) ? -left : left / right,
            ArithmeticOperator.Modulo => T.IsZero(right) || IsMinusOne(right) ? T.Zero : left % right,
            ArithmeticOperator.And => left & right,
            ArithmeticOperator.Or => left | right,
            ArithmeticOperator.Xor => left ^ right,
            ArithmeticOperator.ShiftLeft => left << count,
            ArithmeticOperator.ShiftRight => left >> count,
            ArithmeticOperator.Minimum => T.Min(left, right),
            _ => T.Max(left, right),
        });
    }

    // The least number has no positive counterpart: C# throws where it is divided by -1.
    private static bool IsMinusOne<T>(T value)
        where T : IBinaryInteger<T>
    {
        return T.IsNegative(value) && T.IsZero(value + T.One);
    }
}
