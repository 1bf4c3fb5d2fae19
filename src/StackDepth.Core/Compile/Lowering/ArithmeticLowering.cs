using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Arithmetic as <see cref="IrNumbers"/> defines it, by instructions that every kernel with uprobes' cookies has: signed division is made of unsigned division, as the signed one came
/// with Linux 6.6 (ec0e2da95f72).
/// </summary>
internal static class ArithmeticLowering
{
    internal static void Evaluate(LoweringContext context, IrArithmetic arithmetic, Register destination, ScratchRegisters free)
    {
        var asm = context.Asm;
        var (op, type) = (arithmetic.Operator, arithmetic.Type);
        if (Immediate(arithmetic) is { } immediate)
        {
            if (immediate == 0 && op is ArithmeticOperator.Divide or ArithmeticOperator.Modulo)
            {
                asm.Mov(destination, 0);
                return;
            }
            ExpressionLowering.Evaluate(context, arithmetic.Left, destination, free);
            ApplyConstant(asm, op, type, destination, immediate);
        }
        else
        {
            var operand = EvaluateBoth(context, arithmetic.Left, arithmetic.Right, destination, free);
            Apply(asm, op, type, destination, operand);
        }
        if (NumberRanges.CanWrap(arithmetic))
            Normalize(asm, type, destination);
    }

    internal static void Evaluate(LoweringContext context, IrUnary unary, Register destination, ScratchRegisters free)
    {
        var asm = context.Asm;
        ExpressionLowering.Evaluate(context, unary.Operand, destination, free);
        switch (unary.Operator)
        {
            case UnaryOperator.Negate:
                asm.Neg(destination);
                break;
            case UnaryOperator.Complement:
                asm.Xor(destination, -1);
                break;
            case UnaryOperator.Absolute when unary.Type.IsUnsigned():
                return;
            case UnaryOperator.Absolute:
                var positive = asm.CreateLabel("positive");
                asm.JumpIf(JumpOp.JSGE, destination, 0, positive);
                asm.Neg(destination);
                asm.Place(positive);
                break;
            default:
                throw IrNodes.Unknown(unary.Operator);
        }
        if (NumberRanges.CanWrap(unary))
            Normalize(asm, unary.Type, destination);
    }

    internal static void Evaluate(LoweringContext context, IrConvert convert, Register destination, ScratchRegisters free)
    {
        ExpressionLowering.Evaluate(context, convert.Operand, destination, free);
        // Asked for by itself: it is in every query of the tool, and the ranges' code is compiled at every start.
        if (!convert.IsFree && !NumberRanges.Of(convert.Operand).IsWithin(NumberRanges.Of(convert.Type)))
            Normalize(context.Asm, convert.Type, destination);
    }

    /// <summary>
    /// Puts <paramref name="left"/> into <paramref name="destination"/>, and answers where <paramref name="right"/> is. What needs more registers is computed first; where they run out,
    /// the right one waits in the BPF stack.
    /// </summary>
    internal static Register EvaluateBoth(LoweringContext context, IrExpression left, IrExpression right, Register destination, ScratchRegisters free)
    {
        var asm = context.Asm;
        var operand = free.First;
        var (leftNeeds, rightNeeds) = (Needs(context, left), Needs(context, right));
        if (rightNeeds == 1)
        {
            ExpressionLowering.Evaluate(context, left, destination, free);
            ExpressionLowering.Evaluate(context, right, operand, free.Without(operand));
        }
        else if (leftNeeds == 1 || free.Count > 1)
        {
            if (leftNeeds < rightNeeds)
            {
                ExpressionLowering.Evaluate(context, right, operand, free.Without(operand).With(destination));
                ExpressionLowering.Evaluate(context, left, destination, free.Without(operand));
            }
            else
            {
                ExpressionLowering.Evaluate(context, left, destination, free);
                ExpressionLowering.Evaluate(context, right, operand, free.Without(operand));
            }
        }
        else
        {
            var spill = context.RentSpill();
            ExpressionLowering.Evaluate(context, right, destination, free);
            asm.Store(MemorySize.DW, Register.R10, spill, destination);
            ExpressionLowering.Evaluate(context, left, destination, free);
            asm.Load(MemorySize.DW, operand, Register.R10, spill);
            context.ReturnSpill(spill);
        }
        return operand;
    }

    /// <summary>How many registers it takes, at most, to compute this without the BPF stack (Sethi and Ullman); 2 for all that compares or chooses.</summary>
    internal static int Needs(LoweringContext context, IrExpression expression) => expression switch
    {
        _ when context.Computed.ContainsKey(expression) => 1,
        IrArithmetic { Operator: not (ArithmeticOperator.Minimum or ArithmeticOperator.Maximum) } arithmetic when Immediate(arithmetic) is not null => Needs(context, arithmetic.Left),
        IrArithmetic or IrCompare => Both(Needs(context, expression.Operands[0]), Needs(context, expression.Operands[1])),
        IrUnary or IrConvert => Needs(context, expression.Operands[0]),
        IrState => 1,
        { Operands.IsEmpty: true } => 1,
        _ => Most(context, expression),
    };

    private static int Most(LoweringContext context, IrExpression expression)
    {
        var most = 2;
        foreach (var operand in expression.Operands)
            most = int.Max(most, Needs(context, operand));
        return most;
    }

    private static int Both(int left, int right) => int.Max(2, left == right ? left + 1 : int.Max(left, right));

    /// <summary>The right operand, where an instruction can hold it.</summary>
    private static int? Immediate(IrArithmetic arithmetic) => arithmetic switch
    {
        { Operator: ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight, Right: IrConstant count } => IrNumbers.ShiftCount(arithmetic.Type, count.Value),
        // The smallest number has no magnitude of its own type.
        { Right: IrConstant { Value: > int.MinValue and <= int.MaxValue and var value } } => (int)value,
        _ => null,
    };

    private static void ApplyConstant(Assembler asm, ArithmeticOperator op, IrType type, Register register, int constant)
    {
        switch (op)
        {
            case ArithmeticOperator.Add:
                asm.Add(register, constant);
                break;
            case ArithmeticOperator.Subtract:
                asm.Sub(register, constant);
                break;
            case ArithmeticOperator.Multiply:
                asm.Mul(register, constant);
                break;
            case ArithmeticOperator.Divide when type.IsUnsigned():
                asm.Div(register, constant);
                break;
            case ArithmeticOperator.Modulo when type.IsUnsigned():
                asm.Mod(register, constant);
                break;
            case ArithmeticOperator.Divide or ArithmeticOperator.Modulo:
                DivideByMagnitude(asm, register, constant < 0 && op == ArithmeticOperator.Divide, () =>
                {
                    if (op == ArithmeticOperator.Divide)
                        asm.Div(register, int.Abs(constant));
                    else
                        asm.Mod(register, int.Abs(constant));
                });
                break;
            case ArithmeticOperator.And:
                asm.And(register, constant);
                break;
            case ArithmeticOperator.Or:
                asm.Or(register, constant);
                break;
            case ArithmeticOperator.Xor:
                asm.Xor(register, constant);
                break;
            case ArithmeticOperator.ShiftLeft:
                asm.Lsh(register, constant);
                break;
            case ArithmeticOperator.ShiftRight when type.IsUnsigned():
                asm.Rsh(register, constant);
                break;
            case ArithmeticOperator.ShiftRight:
                asm.Arsh(register, constant);
                break;
            case ArithmeticOperator.Minimum or ArithmeticOperator.Maximum:
                var chosen = asm.CreateLabel("chosen");
                asm.JumpIf(Keeps(op, type), register, constant, chosen);
                asm.Mov(register, constant);
                asm.Place(chosen);
                break;
            default:
                throw IrNodes.Unknown(op);
        }
    }

    private static void Apply(Assembler asm, ArithmeticOperator op, IrType type, Register register, Register operand)
    {
        switch (op)
        {
            case ArithmeticOperator.Add:
                asm.Add(register, operand);
                break;
            case ArithmeticOperator.Subtract:
                asm.Sub(register, operand);
                break;
            case ArithmeticOperator.Multiply:
                asm.Mul(register, operand);
                break;
            case ArithmeticOperator.Divide when type.IsUnsigned():
                // By zero it gives 0: Linux 4.16, f6b1b3bf0d5f.
                asm.Div(register, operand);
                break;
            case ArithmeticOperator.Divide:
                Divide(asm, register, operand);
                break;
            case ArithmeticOperator.Modulo:
                Modulo(asm, type, register, operand);
                break;
            case ArithmeticOperator.And:
                asm.And(register, operand);
                break;
            case ArithmeticOperator.Or:
                asm.Or(register, operand);
                break;
            case ArithmeticOperator.Xor:
                asm.Xor(register, operand);
                break;
            case ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight:
                asm.And(operand, type.Bits() - 1);
                if (op == ArithmeticOperator.ShiftLeft)
                    asm.Lsh(register, operand);
                else if (type.IsUnsigned())
                    asm.Rsh(register, operand);
                else
                    asm.Arsh(register, operand);
                break;
            case ArithmeticOperator.Minimum or ArithmeticOperator.Maximum:
                var chosen = asm.CreateLabel("chosen");
                asm.JumpIf(Keeps(op, type), register, operand, chosen);
                asm.Mov(register, operand);
                asm.Place(chosen);
                break;
            default:
                throw IrNodes.Unknown(op);
        }
    }

    /// <summary>Divides the magnitude, and gives the result the sign of the dividend, or with <paramref name="flip"/> the other one.</summary>
    private static void DivideByMagnitude(Assembler asm, Register register, bool flip, Action divide)
    {
        var positive = asm.CreateLabel("dividend is positive");
        var end = asm.CreateLabel("divided");
        asm.JumpIf(JumpOp.JSGE, register, 0, positive);
        asm.Neg(register);
        divide();
        if (!flip)
            asm.Neg(register);
        asm.Jump(end);
        asm.Place(positive);
        divide();
        if (flip)
            asm.Neg(register);
        asm.Place(end);
    }

    private static void Divide(Assembler asm, Register register, Register divisor)
    {
        var negative = asm.CreateLabel("dividend is negative");
        var differ = asm.CreateLabel("signs differ");
        var divisorNegative = asm.CreateLabel("only the divisor is negative");
        var end = asm.CreateLabel("divided");
        asm.JumpIf(JumpOp.JSLT, register, 0, negative);
        asm.JumpIf(JumpOp.JSLT, divisor, 0, divisorNegative);
        asm.Div(register, divisor);
        asm.Jump(end);
        asm.Place(negative);
        asm.Neg(register);
        asm.JumpIf(JumpOp.JSGE, divisor, 0, differ);
        asm.Neg(divisor);
        asm.Div(register, divisor);
        asm.Jump(end);
        asm.Place(divisorNegative);
        asm.Neg(divisor);
        asm.Place(differ);
        asm.Div(register, divisor);
        asm.Neg(register);
        asm.Place(end);
    }

    private static void Modulo(Assembler asm, IrType type, Register register, Register divisor)
    {
        var nonzero = asm.CreateLabel("divisor is not 0");
        var end = asm.CreateLabel("divided");
        // The remainder by zero leaves the dividend: Linux 4.16, f6b1b3bf0d5f.
        asm.JumpIf(JumpOp.JNE, divisor, 0, nonzero);
        asm.Mov(register, 0);
        asm.Jump(end);
        asm.Place(nonzero);
        if (type.IsUnsigned())
        {
            asm.Mod(register, divisor);
        }
        else
        {
            var magnitude = asm.CreateLabel("divisor is positive");
            asm.JumpIf(JumpOp.JSGE, divisor, 0, magnitude);
            asm.Neg(divisor);
            asm.Place(magnitude);
            DivideByMagnitude(asm, register, flip: false, () => asm.Mod(register, divisor));
        }
        asm.Place(end);
    }

    /// <summary>The comparison with the other operand for which the left one is the extreme.</summary>
    private static JumpOp Keeps(ArithmeticOperator op, IrType type) => (op, type) switch
    {
        (ArithmeticOperator.Minimum, IrType.UInt64) => JumpOp.JLE,
        (ArithmeticOperator.Minimum, _) => JumpOp.JSLE,
        (_, IrType.UInt64) => JumpOp.JGE,
        _ => JumpOp.JSGE,
    };

    /// <summary>Extends the low bits as a number of this type is kept.</summary>
    internal static void Normalize(Assembler asm, IrType type, Register register)
    {
        if (type.Bits() == 64)
            return;
        if (type.IsUnsigned())
        {
            asm.Mov32(register, register);
            return;
        }
        asm.Lsh(register, 32);
        asm.Arsh(register, 32);
    }
}
