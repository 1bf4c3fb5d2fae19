using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Sends records through the ring buffer; a record that finds no room is counted.</summary>
internal static class EmitLowering
{
    private const int BpfRbNoWakeup = 1;
    private const int BpfRbForceWakeup = 2;
    private const int BpfRbAvailData = 0;

    /// <summary>
    /// How many bytes may wait before the reader is woken. A wake-up per record costs an order of magnitude in throughput; the reader also polls by time, so few records do
    /// not wait long.
    /// </summary>
    internal static int WakeupBytes(int ringBytes) => int.Min(64 << 10, ringBytes / 4);

    internal static void Lower(LoweringContext context, IrEmit emit, EventLayout layout)
    {
        var asm = context.Asm;
        context.LoadResults();
        Reserve(context, layout);
        for (var index = 0; index < emit.Fields.Length; index++)
            ExpressionLowering.Store(context, emit.Fields[index], Register.R9, layout.Offsets[index]);
        asm.LoadMap(Register.R1, MapNames.Records);
        asm.Mov(Register.R2, BpfRbAvailData);
        asm.Call(HelperId.RingbufQuery);
        var submit = asm.CreateLabel("submit");
        asm.Mov(Register.R2, BpfRbNoWakeup);
        asm.JumpIf(JumpOp.JLT, Register.R0, WakeupBytes(context.Target.RingBytes), submit);
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
        AggregateLowering.Raise(context, extremum.Value, extremum.Maximum, 0, won);
        asm.Jump(context.Leave);
        asm.Place(won);
        Reserve(context, layout);
        ExpressionLowering.Store(context, extremum.Value, Register.R9, 0);
        asm.Mov(Register.R1, Register.R9);
        asm.Mov(Register.R2, 0);
        asm.Call(HelperId.RingbufSubmit);
    }

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
