using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Finds the bucket of a value: 0 below zero, 1 for zero, 2 + floor(log2) above. The logarithm is branchless, so that the verifier walks it once.</summary>
internal static class HistogramLowering
{
    /// <summary>Counts one in the bucket of <paramref name="value"/>; the buckets begin at <paramref name="target"/> + <paramref name="offset"/>.</summary>
    internal static void Lower(LoweringContext context, IrExpression value, Register target, int offset)
    {
        var asm = context.Asm;
        var count = asm.CreateLabel("count");
        ExpressionLowering.Evaluate(context, value, Register.R1);
        asm.Mov(Register.R3, 0);
        asm.JumpIf(JumpOp.JSLT, Register.R1, 0, count);
        asm.Mov(Register.R3, 1);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, count);
        asm.Mov(Register.R3, 2);
        for (var step = value.Type == IrType.Int64 ? 5 : 4; step >= 0; step--)
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
        if (value.Type == IrType.Int64)
        {
            // The verifier does not see that a positive number has at most 63 bits, and would let the bucket be one too high.
            asm.JumpIf(JumpOp.JLE, Register.R3, Histogram.KernelBuckets - 1, count);
            asm.Mov(Register.R3, Histogram.KernelBuckets - 1);
        }
        asm.Place(count);
        asm.Lsh(Register.R3, 3);
        asm.Add(Register.R3, target);
        asm.Mov(Register.R1, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R3, offset, Register.R1);
    }
}
