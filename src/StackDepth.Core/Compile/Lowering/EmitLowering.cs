using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Sends records through the ring buffer; a record that finds no room is counted.</summary>
internal static class EmitLowering
{
    private const int BpfRbNoWakeup = 1;
    private const int BpfRbForceWakeup = 2;
    private const int BpfRbProdPos = 3;

    /// <summary>How many records at the start of a block wake the reader.</summary>
    private const int WakeupWindow = 4;

    private const int RecordHeaderBytes = 8; // BPF_RINGBUF_HDR_SZ

    /// <summary>
    /// The reader is woken once for each block of this many bytes. A wake-up per record costs an order of magnitude in throughput, and so does one per record above a mark,
    /// as soon as the reader is behind. The reader also polls by time, so few records do not wait long.
    /// </summary>
    internal static int WakeupBlock(int ringBytes) => int.Min(64 << 10, ringBytes / 2);

    internal static void Lower(LoweringContext context, IrEmit emit, EventLayout layout)
    {
        var asm = context.Asm;
        context.LoadResults();
        Reserve(context, layout);
        for (var index = 0; index < emit.Fields.Length; index++)
            ExpressionLowering.Store(context, emit.Fields[index], Register.R9, layout.Offsets[index]);
        asm.LoadMap(Register.R1, MapNames.Records);
        asm.Mov(Register.R2, BpfRbProdPos);
        asm.Call(HelperId.RingbufQuery);
        var submit = asm.CreateLabel("submit");
        asm.And(Register.R0, WakeupBlock(context.Target.RingBytes) - 1);
        asm.Note("how far into its block");
        asm.Mov(Register.R2, BpfRbNoWakeup);
        // The position has passed this record, and perhaps those of other CPUs: a block whose first few records all see a later position is left to the timed poll.
        asm.JumpIf(JumpOp.JGT, Register.R0, WakeupWindow * RecordBytes(layout), submit);
        asm.Mov(Register.R2, BpfRbForceWakeup);
        asm.Place(submit);
        asm.Mov(Register.R1, Register.R9);
        asm.Call(HelperId.RingbufSubmit);
    }

    /// <summary>A record only when the value beats the best one, which all CPUs share; records are rare, so each wakes the reader.</summary>
    internal static void Lower(LoweringContext context, IrEmitExtremum extremum, EventLayout layout)
    {
        var asm = context.Asm;
        context.LoadResults();
        context.LookupFirst(MapNames.Best);
        asm.Mov(Register.R9, Register.R0);
        var won = asm.CreateLabel("new record");
        AggregateLowering.Raise(context, extremum.Value, extremum.Maximum, Register.R9, 0, won);
        asm.Jump(context.Leave);
        asm.Place(won);
        Reserve(context, layout);
        ExpressionLowering.Store(context, extremum.Value, Register.R9, 0);
        asm.Mov(Register.R1, Register.R9);
        asm.Mov(Register.R2, 0);
        asm.Call(HelperId.RingbufSubmit);
    }

    private static int RecordBytes(EventLayout layout) => RecordHeaderBytes + layout.Size;

    /// <summary>R9 = room for a record; without it, counts the loss and leaves.</summary>
    private static void Reserve(LoweringContext context, EventLayout layout)
    {
        var asm = context.Asm;
        var reserved = asm.CreateLabel("reserved");
        asm.LoadMap(Register.R1, MapNames.Records);
        asm.Mov(Register.R2, layout.Size);
        asm.Mov(Register.R3, 0);
        asm.Call(HelperId.RingbufReserve);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, reserved);
        context.Increment(HealthCounter.Dropped);
        asm.Jump(context.Leave);
        asm.Place(reserved);
        asm.Mov(Register.R9, Register.R0);
    }
}
