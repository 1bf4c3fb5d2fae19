using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Finds the bucket of a value: see <see cref="IrBuckets"/>. The logarithm is branchless, so that the verifier walks it once.</summary>
internal static class HistogramLowering
{
    /// <summary>Counts one in the bucket of <paramref name="value"/>; the buckets begin at <paramref name="target"/> + <paramref name="offset"/>.</summary>
    internal static void Lower(LoweringContext context, IrExpression value, IrBuckets buckets, Register target, int offset)
    {
        var asm = context.Asm;
        var count = asm.CreateLabel("count");
        ExpressionLowering.Evaluate(context, value, Register.R1);
        switch (buckets)
        {
            case IrPowersOfTwo:
                FindPower(asm, value, buckets, count);
                break;
            case IrLinearBuckets linear:
                FindStep(asm, linear, count);
                break;
            case IrFineBuckets fine:
                FindFine(asm, fine, count);
                break;
            default:
                throw IrNodes.Unknown(buckets);
        }
        asm.Place(count);
        asm.Lsh(Register.R3, 3);
        asm.Add(Register.R3, target);
        asm.Mov(Register.R1, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R3, offset, Register.R1);
    }

    /// <summary>R3 = 0 for R1 below zero, 1 for zero, 2 + floor(log2) above.</summary>
    private static void FindPower(Assembler asm, IrExpression value, IrBuckets buckets, Label count)
    {
        asm.Mov(Register.R3, 0);
        asm.JumpIf(JumpOp.JSLT, Register.R1, 0, count);
        asm.Mov(Register.R3, 1);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, count);
        asm.Mov(Register.R3, 2);
        AddLogarithm(asm, value.Type == IrType.Int64);
        // The verifier does not see that a positive number has at most 63 bits, and would let the bucket be one too high.
        if (value.Type == IrType.Int64)
            Limit(asm, buckets, count);
    }

    /// <summary>R3 = 0 for R1 below the range, the number of the step from 1, and one more above the range.</summary>
    private static void FindStep(Assembler asm, IrLinearBuckets linear, Label count)
    {
        asm.Mov(Register.R3, 0);
        asm.LoadImmediate64(Register.R2, linear.Least);
        asm.JumpIf(JumpOp.JSLT, Register.R1, Register.R2, count);
        asm.Mov(Register.R3, linear.Count - 1);
        asm.LoadImmediate64(Register.R4, linear.End);
        asm.JumpIf(JumpOp.JSGE, Register.R1, Register.R4, count);
        // Within the range the difference fits 64 bits without a sign.
        asm.Sub(Register.R1, Register.R2);
        asm.LoadImmediate64(Register.R2, linear.Step);
        asm.Div(Register.R1, Register.R2);
        asm.Mov(Register.R3, Register.R1);
        asm.Add(Register.R3, 1);
        Limit(asm, linear, count);
    }

    /// <summary>R3 = the bucket of R1, found by its leading bits.</summary>
    private static void FindFine(Assembler asm, IrFineBuckets fine, Label count)
    {
        var exact = asm.CreateLabel("has a bucket of its own");
        asm.Mov(Register.R3, 0);
        asm.JumpIf(JumpOp.JSLT, Register.R1, 0, count);
        asm.JumpIf(JumpOp.JLT, Register.R1, IrFineBuckets.Exact, exact);
        asm.Mov(Register.R2, Register.R1);
        AddLogarithm(asm, fine.Wide);
        // The bits behind the first one tell the part of the power.
        asm.Mov(Register.R4, Register.R3);
        asm.Sub(Register.R4, IrFineBuckets.PartBits);
        // Known to be in range, which a shift by a register wants proved.
        asm.And(Register.R4, 63);
        asm.Rsh(Register.R2, Register.R4);
        asm.And(Register.R2, IrFineBuckets.Parts - 1);
        asm.Sub(Register.R3, IrFineBuckets.ExactBits);
        asm.Lsh(Register.R3, IrFineBuckets.PartBits);
        asm.Add(Register.R3, Register.R2);
        asm.Add(Register.R3, IrFineBuckets.Exact + 1);
        Limit(asm, fine, count);
        asm.Jump(count);
        asm.Place(exact);
        asm.Mov(Register.R3, Register.R1);
        asm.Add(Register.R3, 1);
    }

    /// <summary>R3 += floor(log2(R1)), for a positive R1; changes R1 and R4.</summary>
    private static void AddLogarithm(Assembler asm, bool wide)
    {
        for (var step = wide ? 5 : 4; step >= 0; step--)
        {
            // R4 = whether anything is left above 2^step bits, as 0 or 2^step.
            asm.Mov(Register.R4, Register.R1);
            asm.Rsh(Register.R4, 1 << step);
            asm.Neg(Register.R4);
            asm.Rsh(Register.R4, 63);
            if (step > 0)
            {
                asm.Lsh(Register.R4, step);
                asm.Rsh(Register.R1, Register.R4);
            }
            asm.Add(Register.R3, Register.R4);
        }
    }

    /// <summary>Lets the verifier know that R3 is a bucket; goes to <paramref name="count"/>, or falls through with the last one.</summary>
    private static void Limit(Assembler asm, IrBuckets buckets, Label count)
    {
        asm.JumpIf(JumpOp.JLE, Register.R3, buckets.Count - 1, count);
        asm.Mov(Register.R3, buckets.Count - 1);
    }
}
