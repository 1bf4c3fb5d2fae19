using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Updates an aggregate, ungrouped in the results or grouped in its table. All updates are atomic: see <see cref="LoweringContext.Increment"/>.</summary>
internal static class AggregateLowering
{
    /// <summary>How often a raise is tried again when another hit on this CPU came between; each try costs a preemption at exactly that place.</summary>
    private const int RaiseAttempts = 4;

    /// <summary>Goes to <paramref name="lost"/> where there is no room for the group.</summary>
    internal static void Lower(LoweringContext context, IrAggregate aggregate, AggregateLayout layout, ResultLayout results, EventLayout? key, Label lost)
    {
        var asm = context.Asm;
        context.LoadResults();
        var (target, offset) = (Register.R7, ResultLayout.AggregateOffset);
        if (key is not null)
        {
            GroupLookup.Lower(context, MapNames.Groups, aggregate.Key!, key, results, lost);
            (target, offset) = (Register.R9, 0);
        }
        if (layout.Values == 1)
        {
            Lower(context, aggregate.Value, layout, target, offset);
            return;
        }
        foreach (var value in ((IrTuple)aggregate.Value!).Items)
        {
            Lower(context, value, layout, target, offset);
            offset += layout.ValueSize;
        }
    }

    private static void Lower(LoweringContext context, IrExpression? value, AggregateLayout layout, Register target, int offset)
    {
        var asm = context.Asm;
        if (layout.Parts.HasFlag(AggregateParts.Count))
        {
            asm.Mov(Register.R1, 1);
            asm.AtomicAdd(MemorySize.DW, target, offset + layout.Count, Register.R1);
        }
        if (layout.Parts.HasFlag(AggregateParts.Sum))
        {
            ExpressionLowering.Evaluate(context, value!, Register.R1);
            asm.AtomicAdd(MemorySize.DW, target, offset + layout.Sum, Register.R1);
        }
        if (layout.Parts.HasFlag(AggregateParts.Minimum))
            Raise(context, value!, maximum: false, target, offset + layout.Minimum, won: null);
        if (layout.Parts.HasFlag(AggregateParts.Maximum))
            Raise(context, value!, maximum: true, target, offset + layout.Maximum, won: null);
        if (layout.Parts.HasFlag(AggregateParts.Histogram))
            HistogramLowering.Lower(context, value!, layout.Buckets, target, offset + layout.Histogram);
        if (layout.Parts.HasFlag(AggregateParts.Last))
            StoreLast(context, value!, layout, target, offset);
    }

    /// <summary>
    /// Remembers the value and when it was, unless there is a newer one. Of hits that interrupt each other right here either one's value may stay.
    /// </summary>
    private static void StoreLast(LoweringContext context, IrExpression value, AggregateLayout layout, Register target, int offset)
    {
        var asm = context.Asm;
        var newer = asm.CreateLabel("there is a newer one");
        asm.Call(HelperId.KtimeGetNs);
        // 0 stands for none.
        asm.Or(Register.R0, 1);
        asm.Load(MemorySize.DW, Register.R1, target, offset + layout.Last);
        asm.JumpIf(JumpOp.JGT, Register.R1, Register.R0, newer);
        asm.Store(MemorySize.DW, target, offset + layout.Last, Register.R0);
        ExpressionLowering.Evaluate(context, value, Register.R1);
        asm.Store(MemorySize.DW, target, offset + layout.LastValue, Register.R1);
        asm.Place(newer);
    }

    /// <summary>Raises the extreme at <paramref name="target"/> + <paramref name="offset"/>; goes to <paramref name="won"/> when the value is a new record, falls through when it is not.</summary>
    internal static void Raise(LoweringContext context, IrExpression value, bool maximum, Register target, int offset, Label? won)
    {
        var asm = context.Asm;
        var done = asm.CreateLabel("not a record");
        Encode(context, value, maximum);
        asm.Load(MemorySize.DW, Register.R0, target, offset);
        asm.JumpIf(JumpOp.JGE, Register.R0, Register.R2, done);
        for (var attempt = 0; attempt < RaiseAttempts; attempt++)
        {
            asm.Mov(Register.R3, Register.R0);
            asm.AtomicCompareExchange(MemorySize.DW, target, offset, Register.R2);
            asm.JumpIf(JumpOp.JEQ, Register.R0, Register.R3, won ?? done);
            // R0 is now what another hit made of it, perhaps more than this one has.
            asm.JumpIf(JumpOp.JGE, Register.R0, Register.R2, done);
        }
        context.Increment(HealthCounter.Dropped);
        asm.Place(done);
    }

    /// <summary>R2 = the value as an extreme is kept: <see cref="AggregateLayout.EncodeMaximum"/>. Changes R1 and R3.</summary>
    internal static void Encode(LoweringContext context, IrExpression value, bool maximum)
    {
        var asm = context.Asm;
        ExpressionLowering.Evaluate(context, value, Register.R2);
        if (!maximum)
            asm.Xor(Register.R2, -1);
        // In one addition: to flip the highest bit is to add it.
        asm.LoadImmediate64(Register.R3, long.MinValue + 1);
        asm.Add(Register.R2, Register.R3);
        if (value.Type != IrType.Int64)
            return;
        var encoded = asm.CreateLabel("encoded");
        asm.JumpIf(JumpOp.JNE, Register.R2, 0, encoded);
        asm.Mov(Register.R2, -1);
        asm.Place(encoded);
    }
}
