using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

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
        IrType.Int32 => Int32(op, (int)left, (int)right),
        IrType.UInt32 => UInt32(op, (uint)left, (uint)right, (int)right),
        IrType.Int64 => Int64(op, left, right),
        IrType.UInt64 => (long)UInt64(op, (ulong)left, (ulong)right, (int)right),
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

    private static int Int32(ArithmeticOperator op, int left, int right) => unchecked(op switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => right == 0 ? 0 : right == -1 ? -left : left / right,
        ArithmeticOperator.Modulo => right is 0 or -1 ? 0 : left % right,
        ArithmeticOperator.And => left & right,
        ArithmeticOperator.Or => left | right,
        ArithmeticOperator.Xor => left ^ right,
        ArithmeticOperator.ShiftLeft => left << right,
        ArithmeticOperator.ShiftRight => left >> right,
        ArithmeticOperator.Minimum => int.Min(left, right),
        _ => int.Max(left, right),
    });

    private static uint UInt32(ArithmeticOperator op, uint left, uint right, int count) => unchecked(op switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => right == 0 ? 0 : left / right,
        ArithmeticOperator.Modulo => right == 0 ? 0 : left % right,
        ArithmeticOperator.And => left & right,
        ArithmeticOperator.Or => left | right,
        ArithmeticOperator.Xor => left ^ right,
        ArithmeticOperator.ShiftLeft => left << count,
        ArithmeticOperator.ShiftRight => left >> count,
        ArithmeticOperator.Minimum => uint.Min(left, right),
        _ => uint.Max(left, right),
    });

    private static long Int64(ArithmeticOperator op, long left, long right) => unchecked(op switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => right == 0 ? 0 : right == -1 ? -left : left / right,
        ArithmeticOperator.Modulo => right is 0 or -1 ? 0 : left % right,
        ArithmeticOperator.And => left & right,
        ArithmeticOperator.Or => left | right,
        ArithmeticOperator.Xor => left ^ right,
        ArithmeticOperator.ShiftLeft => left << (int)right,
        ArithmeticOperator.ShiftRight => left >> (int)right,
        ArithmeticOperator.Minimum => long.Min(left, right),
        _ => long.Max(left, right),
    });

    private static ulong UInt64(ArithmeticOperator op, ulong left, ulong right, int count) => unchecked(op switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => right == 0 ? 0 : left / right,
        ArithmeticOperator.Modulo => right == 0 ? 0 : left % right,
        ArithmeticOperator.And => left & right,
        ArithmeticOperator.Or => left | right,
        ArithmeticOperator.Xor => left ^ right,
        ArithmeticOperator.ShiftLeft => left << count,
        ArithmeticOperator.ShiftRight => left >> count,
        ArithmeticOperator.Minimum => ulong.Min(left, right),
        _ => ulong.Max(left, right),
    });
}
