namespace StackDepth.Ir;

/// <summary>Between which numbers a value lies.</summary>
internal readonly record struct NumberRange(Int128 Least, Int128 Greatest)
{
    internal bool IsWithin(NumberRange other) => Least >= other.Least && Greatest <= other.Greatest;
}

/// <summary>What is known of numbers before the program runs: which operations cannot leave their type need no correction.</summary>
internal static class NumberRanges
{
    /// <summary>More frames than any walk of ours counts (<see cref="AttachOptions.MaxFrames"/>).</summary>
    private const long MostFrames = 1 << 23;

    private const long MostCpus = 1 << 16; // the kernel's CONFIG_NR_CPUS goes to 8192

    private const long AddressSpace = 1L << 47; // of a process, x86-64 with four levels of page tables; with five more, but not of stacks

    internal static NumberRange Of(IrType type) => type switch
    {
        IrType.Int32 => new(int.MinValue, int.MaxValue),
        IrType.UInt32 => new(uint.MinValue, uint.MaxValue),
        IrType.UInt64 => new(ulong.MinValue, ulong.MaxValue),
        _ => new(long.MinValue, long.MaxValue),
    };

    /// <summary>Whether the exact result can lie outside of the type.</summary>
    internal static bool CanWrap(IrExpression operation) => !Exact(operation).IsWithin(Of(operation.Type));

    internal static NumberRange Of(IrExpression expression) => expression switch
    {
        IrConstant { Type: IrType.UInt64 } constant => new((ulong)constant.Value, (ulong)constant.Value),
        IrConstant constant => new(constant.Value, constant.Value),
        IrContext { Field: ContextField.Pid or ContextField.Tid } => new(0, int.MaxValue),
        IrContext { Field: ContextField.Cpu } => new(0, MostCpus),
        IrContext { Field: ContextField.Elapsed } => new(0, long.MaxValue),
        IrStackLength { Stack.IsWalked: true } or IrStackCountOf => new(0, MostFrames),
        IrStackLength => new(0, int.MaxValue),
        IrStackBytes { Free: false } => new(0, AddressSpace),
        IrStackBytes => new(0, long.MaxValue),
        IrIf choice => Union(Of(choice.Then), Of(choice.Otherwise)),
        IrArithmetic or IrUnary or IrConvert => Exact(expression) is var exact && exact.IsWithin(Of(expression.Type)) ? exact : Of(expression.Type),
        _ => Of(expression.Type),
    };

    private static NumberRange Exact(IrExpression operation)
    {
        var left = Of(operation.Operands[0]);
        switch (operation)
        {
            case IrConvert:
                return left;
            case IrUnary unary:
                return unary.Operator switch
                {
                    UnaryOperator.Negate => new(-left.Greatest, -left.Least),
                    UnaryOperator.Complement when unary.Type.IsUnsigned() => new(-1 - left.Greatest, -1 - left.Least),
                    UnaryOperator.Complement => new(~left.Greatest, ~left.Least),
                    _ => left.Least >= 0 ? left : new(0, Int128.Max(-left.Least, left.Greatest)),
                };
        }
        var arithmetic = (IrArithmetic)operation;
        var right = Of(arithmetic.Right);
        var type = Of(arithmetic.Type);
        return arithmetic.Operator switch
        {
            ArithmeticOperator.Add => new(left.Least + right.Least, left.Greatest + right.Greatest),
            ArithmeticOperator.Subtract => new(left.Least - right.Greatest, left.Greatest - right.Least),
            ArithmeticOperator.Multiply => Corners(left, right, static (a, b) => a * b),
            ArithmeticOperator.Divide when arithmetic.Right is IrConstant && right.Least != 0 => Corners(left, right, static (a, b) => a / b),
            ArithmeticOperator.Divide when left.Least >= 0 && right.Least >= 0 => new(0, left.Greatest),
            // The smallest number divided by -1.
            ArithmeticOperator.Divide => left.Least > type.Least || right.Least >= 0 ? type : new(type.Least, type.Greatest + 1),
            ArithmeticOperator.Modulo => left.Least >= 0 ? new(0, left.Greatest) : type,
            ArithmeticOperator.Minimum => new(Int128.Min(left.Least, right.Least), Int128.Min(left.Greatest, right.Greatest)),
            ArithmeticOperator.Maximum => new(Int128.Max(left.Least, right.Least), Int128.Max(left.Greatest, right.Greatest)),
            ArithmeticOperator.And when right.Least >= 0 => new(0, right.Greatest),
            ArithmeticOperator.ShiftRight when left.Least >= 0 => new(0, left.Greatest),
            ArithmeticOperator.ShiftLeft when arithmetic.Right is IrConstant count => Corners(left, new(Int128.One << Count(count), Int128.One << Count(count)), static (a, b) => a * b),
            ArithmeticOperator.ShiftLeft => new(type.Least - 1, type.Greatest + 1),
            // Bits of numbers that are extended alike are extended alike.
            _ => type,
        };

        int Count(IrConstant constant) => IrNumbers.ShiftCount(arithmetic.Type, constant.Value);
    }

    private static NumberRange Union(NumberRange left, NumberRange right) => new(Int128.Min(left.Least, right.Least), Int128.Max(left.Greatest, right.Greatest));

    private static NumberRange Corners(NumberRange left, NumberRange right, Func<Int128, Int128, Int128> operation)
    {
        Int128[] corners = [operation(left.Least, right.Least), operation(left.Least, right.Greatest), operation(left.Greatest, right.Least), operation(left.Greatest, right.Greatest)];
        return new(corners.Min(), corners.Max());
    }
}
