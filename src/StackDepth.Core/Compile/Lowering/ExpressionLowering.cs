using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Values and conditions. Everything that needs a helper has been fetched before, so expressions only load, compute and compare, in R0 to R5.</summary>
internal static class ExpressionLowering
{
    /// <summary>Puts a number, truth value or function into <paramref name="destination"/> (one of R0 to R5); the others of these change.</summary>
    internal static void Evaluate(LoweringContext context, IrExpression expression, Register destination) => Evaluate(context, expression, destination, ScratchRegisters.Beside(destination));

    /// <summary>The same with the registers of <paramref name="free"/>: at least one, unless <see cref="ArithmeticLowering.Needs"/> is 1.</summary>
    internal static void Evaluate(LoweringContext context, IrExpression expression, Register destination, ScratchRegisters free)
    {
        var asm = context.Asm;
        if (context.Computed.TryGetValue(expression, out var computed))
        {
            asm.Load(MemorySize.DW, destination, Register.R10, computed);
            return;
        }
        switch (expression)
        {
            case IrConstant constant when constant.Value is >= int.MinValue and <= int.MaxValue:
                asm.Mov(destination, (int)constant.Value);
                break;
            case IrConstant constant:
                asm.LoadImmediate64(destination, constant.Value);
                break;
            case IrContext { Field: ContextField.Pid or ContextField.Tid or ContextField.Uid or ContextField.Gid } id:
                asm.Load(MemorySize.W, destination, Register.R10, context.Fields[id.Field]);
                break;
            case IrContext { Type: not IrType.Text } field:
                asm.Load(MemorySize.DW, destination, Register.R10, context.Fields[field.Field]);
                break;
            case IrArgument argument:
                asm.Load(MemorySize.DW, destination, Register.R6, ContextLowering.ArgumentOffset(argument.Index));
                break;
            case IrReturnValue:
                asm.Load(MemorySize.DW, destination, Register.R6, ContextLowering.ReturnValueOffset);
                break;
            case IrField { Type: not IrType.Boolean } field:
                FieldLowering.Evaluate(context, field, destination);
                break;
            case IrStackLength length:
                asm.Load(MemorySize.DW, destination, Register.R8, context.StackOffsets[length.Stack] + StackHeader.Count);
                break;
            case IrStackBytes bytes:
                asm.Load(MemorySize.DW, destination, Register.R8, context.StackOffsets[bytes.Stack] + (bytes.Free ? RegionLowering.Free : StackHeader.Count));
                break;
            case IrStackCompleteness completeness:
                asm.Load(MemorySize.W, destination, Register.R8, context.StackOffsets[completeness.Stack] + StackHeader.Completeness);
                break;
            case IrStackReason reason:
                asm.Load(MemorySize.W, destination, Register.R8, context.StackOffsets[reason.Stack] + StackHeader.Reason);
                break;
            case IrStackCountOf count:
                asm.Load(MemorySize.DW, destination, Register.R8, context.CountOffset(count.Stack, count.Functions));
                break;
            case IrStackFrames frames:
                asm.Load(MemorySize.DW, destination, Register.R8, context.StackNumbers[frames.Stack]);
                break;
            case IrStackBound bound:
                EvaluateBound(context, bound, destination);
                break;
            case IrStateValue state:
                asm.Load(MemorySize.DW, destination, Register.R10, context.States[state.Place].Value);
                break;
            case IrStateIsSet state:
                asm.Load(MemorySize.DW, destination, Register.R10, context.States[state.Place].IsSet!.Value);
                break;
            case IrArithmetic arithmetic:
                ArithmeticLowering.Evaluate(context, arithmetic, destination, free);
                break;
            case IrUnary unary:
                ArithmeticLowering.Evaluate(context, unary, destination, free);
                break;
            case IrConvert convert:
                ArithmeticLowering.Evaluate(context, convert, destination, free);
                break;
            case IrIf { Type: not IrType.Boolean } choice:
                EvaluateIf(context, choice, destination, free);
                break;
            case { Type: IrType.Boolean }:
                var otherwise = asm.CreateLabel("false");
                var end = asm.CreateLabel("end");
                Branch(context, expression, otherwise, when: false, destination, free);
                asm.Mov(destination, 1);
                asm.Jump(end);
                asm.Place(otherwise);
                asm.Mov(destination, 0);
                asm.Place(end);
                break;
            default:
                throw IrNodes.Unknown(expression);
        }
    }

    internal static void BranchUnless(LoweringContext context, IrExpression condition, Label target) =>
        Branch(context, condition, target, when: false, Register.R1, ScratchRegisters.Beside(Register.R1));

    /// <summary>Computes the number once; later uses read it.</summary>
    internal static void Compute(LoweringContext context, IrExpression number)
    {
        Evaluate(context, number, Register.R1);
        var offset = context.Allocate(sizeof(long));
        context.Asm.Store(MemorySize.DW, Register.R10, offset, Register.R1);
        context.Computed.Add(number, offset);
    }

    /// <summary>Stores a value in the wire form at <paramref name="pointer"/> + <paramref name="offset"/>.</summary>
    internal static void Store(LoweringContext context, IrExpression expression, Register pointer, int offset)
    {
        var asm = context.Asm;
        if (expression.Type == IrType.Text)
        {
            TextLowering.Store(context, expression, pointer, offset);
            return;
        }
        Evaluate(context, expression, Register.R1);
        asm.Store(MemorySize.DW, pointer, offset, Register.R1);
    }

    /// <summary>
    /// The frame count bounds the true depth from above where the stack is complete only, and from below unless a step was guessed; then the probed function itself is all that is
    /// certain. Of free bytes, of the frames in some functions, and of those of Python, not even one is.
    /// </summary>
    private static void EvaluateBound(LoweringContext context, IrStackBound bound, Register destination)
    {
        var asm = context.Asm;
        var stack = context.StackOffsets[bound.Stack];
        var counted = asm.CreateLabel("as counted");
        var end = asm.CreateLabel("end");
        asm.Load(MemorySize.W, destination, Register.R8, stack + StackHeader.Completeness);
        if (bound.Greatest)
        {
            asm.JumpIf(JumpOp.JEQ, destination, (int)Completeness.Complete, counted);
            asm.LoadImmediate64(destination, long.MaxValue);
        }
        else
        {
            asm.JumpIf(JumpOp.JNE, destination, (int)Completeness.Approximate, counted);
            // The probed function itself, or a byte in use; of all else there may be none.
            asm.Mov(destination, bound.Free || bound.Functions is not null || bound.Stack.Kind == StackKind.Python ? 0 : 1);
        }
        asm.Jump(end);
        asm.Place(counted);
        asm.Load(
            MemorySize.DW, destination, Register.R8,
            bound.Functions is { } functions ? context.CountOffset(bound.Stack, functions) : stack + (bound.Free ? RegionLowering.Free : StackHeader.Count));
        asm.Place(end);
    }

    private static void EvaluateIf(LoweringContext context, IrIf choice, Register destination, ScratchRegisters free)
    {
        var asm = context.Asm;
        var otherwise = asm.CreateLabel("otherwise");
        var end = asm.CreateLabel("end");
        Branch(context, choice.Test, otherwise, when: false, destination, free);
        Evaluate(context, choice.Then, destination, free);
        asm.Jump(end);
        asm.Place(otherwise);
        Evaluate(context, choice.Otherwise, destination, free);
        asm.Place(end);
    }

    /// <summary>Goes to <paramref name="target"/> if the condition is <paramref name="when"/>; uses <paramref name="work"/> and what is free, of which there is at least one.</summary>
    private static void Branch(LoweringContext context, IrExpression condition, Label target, bool when, Register work, ScratchRegisters free)
    {
        var asm = context.Asm;
        switch (condition)
        {
            case IrConstant constant:
                if (constant.Value != 0 != when)
                    break;
                // The verifier refuses code that no jump reaches, but not code behind a condition that never holds.
                asm.Mov(work, 0);
                asm.JumpIf(JumpOp.JEQ, work, 0, target);
                break;
            case IrField field:
                FieldLowering.Evaluate(context, field, work);
                asm.JumpIf(when ? JumpOp.JNE : JumpOp.JEQ, work, 0, target);
                break;
            case IrNot not:
                Branch(context, not.Operand, target, !when, work, free);
                break;
            case IrLogic logic when (logic.Operator == LogicOperator.And) != when:
                // One operand decides: "a & b" is false, and "a | b" true, as soon as one side is.
                Branch(context, logic.Left, target, when, work, free);
                Branch(context, logic.Right, target, when, work, free);
                break;
            case IrLogic logic:
                var undecided = asm.CreateLabel("short");
                Branch(context, logic.Left, undecided, !when, work, free);
                Branch(context, logic.Right, target, when, work, free);
                asm.Place(undecided);
                break;
            case IrIf choice:
                var otherwise = asm.CreateLabel("otherwise");
                var end = asm.CreateLabel("end");
                Branch(context, choice.Test, otherwise, when: false, work, free);
                Branch(context, choice.Then, target, when, work, free);
                asm.Jump(end);
                asm.Place(otherwise);
                Branch(context, choice.Otherwise, target, when, work, free);
                asm.Place(end);
                break;
            case IrState state:
                Evaluate(context, state, work, free);
                asm.JumpIf(when ? JumpOp.JNE : JumpOp.JEQ, work, 0, target);
                break;
            case IrIsIn set:
                BranchIsIn(context, set, target, when, work, free);
                break;
            case IrInCgroup cgroup:
                asm.Load(MemorySize.DW, work, Register.R10, context.Cgroups[cgroup]);
                asm.JumpIf(when ? JumpOp.JEQ : JumpOp.JNE, work, 1, target);
                break;
            case IrStartsWith prefix:
                TextLowering.Branch(context, prefix.Operand, prefix.Prefix, whole: false, target, when, work, free);
                break;
            case IrCompare { Left.Type: IrType.Text } text:
                TextLowering.Branch(
                    context, text.Left is IrText ? text.Right : text.Left, (text.Left as IrText ?? (IrText)text.Right).Value, whole: true, target,
                    (text.Operator == CompareOperator.Equal) == when, work, free);
                break;
            case IrCompare compare:
                BranchNumber(context, compare, target, when, work, free);
                break;
            default:
                throw IrNodes.Unknown(condition);
        }
    }

    private static void BranchNumber(LoweringContext context, IrCompare compare, Label target, bool when, Register work, ScratchRegisters free)
    {
        var asm = context.Asm;
        var jump = Jump(compare.Operator, when, unsigned: compare.Left.Type == IrType.UInt64 || compare.Right.Type == IrType.UInt64);
        if (compare.Right is IrConstant { Value: >= int.MinValue and <= int.MaxValue } constant)
        {
            Evaluate(context, compare.Left, work, free);
            asm.JumpIf(jump, work, (int)constant.Value, target);
            return;
        }
        var operand = ArithmeticLowering.EvaluateBoth(context, compare.Left, compare.Right, work, free);
        asm.JumpIf(jump, work, operand, target);
    }

    private static void BranchIsIn(LoweringContext context, IrIsIn set, Label target, bool when, Register work, ScratchRegisters free)
    {
        var asm = context.Asm;
        var found = when ? target : asm.CreateLabel("found");
        Evaluate(context, set.Operand, work, free);
        foreach (var value in set.Values)
        {
            if (value is >= int.MinValue and <= int.MaxValue)
            {
                asm.JumpIf(JumpOp.JEQ, work, (int)value, found);
                continue;
            }
            asm.LoadImmediate64(free.First, value);
            asm.JumpIf(JumpOp.JEQ, work, free.First, found);
        }
        if (when)
            return;
        asm.Jump(target);
        asm.Place(found);
    }

    private static JumpOp Jump(CompareOperator op, bool when, bool unsigned) => (op, when) switch
    {
        (CompareOperator.Equal, true) or (CompareOperator.NotEqual, false) => JumpOp.JEQ,
        (CompareOperator.NotEqual, true) or (CompareOperator.Equal, false) => JumpOp.JNE,
        (CompareOperator.Less, true) or (CompareOperator.GreaterOrEqual, false) => unsigned ? JumpOp.JLT : JumpOp.JSLT,
        (CompareOperator.LessOrEqual, true) or (CompareOperator.Greater, false) => unsigned ? JumpOp.JLE : JumpOp.JSLE,
        (CompareOperator.Greater, true) or (CompareOperator.LessOrEqual, false) => unsigned ? JumpOp.JGT : JumpOp.JSGT,
        (CompareOperator.GreaterOrEqual, true) or (CompareOperator.Less, false) => unsigned ? JumpOp.JGE : JumpOp.JSGE,
        _ => throw IrNodes.Unknown(op),
    };
}
