using System.Buffers.Binary;
using System.Text;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Values and conditions. Everything that needs a helper has been fetched before, so expressions only load and compare, in R1 and R2.</summary>
internal static class ExpressionLowering
{
    /// <summary>Puts a number, truth value or function into <paramref name="destination"/> (R1 or R2); a truth value may use the other of the two.</summary>
    internal static void Evaluate(LoweringContext context, IrExpression expression, Register destination)
    {
        var asm = context.Asm;
        switch (expression)
        {
            case IrConstant constant when constant.Value is >= int.MinValue and <= int.MaxValue:
                asm.Mov(destination, (int)constant.Value);
                break;
            case IrConstant constant:
                asm.LoadImmediate64(destination, constant.Value);
                break;
            case IrContext { Field: ContextField.Pid or ContextField.Tid } id:
                asm.Load(MemorySize.W, destination, Register.R10, context.Fields[id.Field]);
                break;
            case IrContext { Type: not IrType.Text } field:
                asm.Load(MemorySize.DW, destination, Register.R10, context.Fields[field.Field]);
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
            case IrStackBound bound:
                EvaluateBound(context, bound, destination);
                break;
            case { Type: IrType.Boolean }:
                var otherwise = asm.CreateLabel("false");
                var end = asm.CreateLabel("end");
                BranchUnless(context, expression, otherwise);
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

    internal static void BranchUnless(LoweringContext context, IrExpression condition, Label target) => Branch(context, condition, target, when: false);

    /// <summary>Stores a value in the wire form at <paramref name="pointer"/> + <paramref name="offset"/>.</summary>
    internal static void Store(LoweringContext context, IrExpression expression, Register pointer, int offset)
    {
        var asm = context.Asm;
        if (expression is IrContext { Field: ContextField.Comm } comm)
        {
            for (var part = 0; part < EventLayout.CommBytes; part += sizeof(long))
            {
                asm.Load(MemorySize.DW, Register.R1, Register.R10, context.Fields[comm.Field] + part);
                asm.Store(MemorySize.DW, pointer, offset + part, Register.R1);
            }
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

    private static void Branch(LoweringContext context, IrExpression condition, Label target, bool when)
    {
        var asm = context.Asm;
        switch (condition)
        {
            case IrConstant constant:
                if (constant.Value != 0 != when)
                    break;
                // The verifier refuses code that no jump reaches, but not code behind a condition that never holds.
                asm.Mov(Register.R1, 0);
                asm.JumpIf(JumpOp.JEQ, Register.R1, 0, target);
                break;
            case IrNot not:
                Branch(context, not.Operand, target, !when);
                break;
            case IrLogic logic when (logic.Operator == LogicOperator.And) != when:
                // One operand decides: "a & b" is false, and "a | b" true, as soon as one side is.
                Branch(context, logic.Left, target, when);
                Branch(context, logic.Right, target, when);
                break;
            case IrLogic logic:
                var undecided = asm.CreateLabel("short");
                Branch(context, logic.Left, undecided, !when);
                Branch(context, logic.Right, target, when);
                asm.Place(undecided);
                break;
            case IrCompare { Left.Type: IrType.Text } text:
                BranchText(context, text, target, when);
                break;
            case IrCompare compare:
                BranchNumber(context, compare, target, when);
                break;
            default:
                throw IrNodes.Unknown(condition);
        }
    }

    private static void BranchNumber(LoweringContext context, IrCompare compare, Label target, bool when)
    {
        var asm = context.Asm;
        var jump = Jump(compare.Operator, when);
        if (compare.Right is IrConstant { Value: >= int.MinValue and <= int.MaxValue } constant)
        {
            Evaluate(context, compare.Left, Register.R1);
            asm.JumpIf(jump, Register.R1, (int)constant.Value, target);
            return;
        }
        if (compare.Right.Type != IrType.Boolean)
        {
            Evaluate(context, compare.Left, Register.R1);
            Evaluate(context, compare.Right, Register.R2);
            asm.JumpIf(jump, Register.R1, Register.R2, target);
            return;
        }
        // A truth value takes both registers to compute, so the right side waits in the BPF stack.
        var spill = context.Allocate(sizeof(long));
        Evaluate(context, compare.Right, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, spill, Register.R1);
        Evaluate(context, compare.Left, Register.R1);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, spill);
        asm.JumpIf(jump, Register.R1, Register.R2, target);
    }

    private static void BranchText(LoweringContext context, IrCompare compare, Label target, bool when)
    {
        var asm = context.Asm;
        var comm = compare.Left as IrContext ?? (IrContext)compare.Right;
        var text = compare.Left as IrText ?? (IrText)compare.Right;
        Span<byte> bytes = stackalloc byte[EventLayout.CommBytes];
        bytes.Clear();
        Encoding.UTF8.GetBytes(text.Value, bytes);
        var jumpIfEqual = (compare.Operator == CompareOperator.Equal) == when;
        var different = jumpIfEqual ? asm.CreateLabel("different") : target;
        for (var part = 0; part < EventLayout.CommBytes; part += sizeof(long))
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R10, context.Fields[comm.Field] + part);
            var expected = BinaryPrimitives.ReadInt64LittleEndian(bytes[part..]);
            if (expected is >= int.MinValue and <= int.MaxValue)
            {
                asm.JumpIf(JumpOp.JNE, Register.R1, (int)expected, different);
                continue;
            }
            asm.LoadImmediate64(Register.R2, expected);
            asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, different);
        }
        if (jumpIfEqual)
        {
            asm.Jump(target);
            asm.Place(different);
        }
    }

    private static JumpOp Jump(CompareOperator op, bool when) => (op, when) switch
    {
        (CompareOperator.Equal, true) or (CompareOperator.NotEqual, false) => JumpOp.JEQ,
        (CompareOperator.NotEqual, true) or (CompareOperator.Equal, false) => JumpOp.JNE,
        (CompareOperator.Less, true) or (CompareOperator.GreaterOrEqual, false) => JumpOp.JSLT,
        (CompareOperator.LessOrEqual, true) or (CompareOperator.Greater, false) => JumpOp.JSLE,
        (CompareOperator.Greater, true) or (CompareOperator.LessOrEqual, false) => JumpOp.JSGT,
        (CompareOperator.GreaterOrEqual, true) or (CompareOperator.Less, false) => JumpOp.JSGE,
        _ => throw IrNodes.Unknown(op),
    };
}
