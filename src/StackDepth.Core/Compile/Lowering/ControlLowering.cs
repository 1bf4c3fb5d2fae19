using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Lets some hits go on and ends the program for the others. What it remembers is one word for each control, shared by all CPUs and changed by one atomic step: however hits interrupt each
/// other, exactly so many go on.
/// </summary>
internal static class ControlLowering
{
    private const int BpfNoExist = 1;

    private const int Exists = -17; // -EEXIST

    internal static void Lower(LoweringContext context, Control step)
    {
        var asm = context.Asm;
        context.LoadResults();
        if (step.What is IrDistinct distinct)
        {
            PassNew(context, distinct, step.Index);
            return;
        }
        context.LookupFirst(MapNames.Controls);
        asm.Mov(Register.R9, Register.R0);
        var offset = step.Index * sizeof(long);
        switch (step.What)
        {
            case IrSample sample:
                asm.Mov(Register.R1, 1);
                asm.AtomicAdd(MemorySize.DW, Register.R9, offset, Register.R1, fetch: true);
                asm.Mod(Register.R1, sample.Of);
                asm.JumpIf(JumpOp.JNE, Register.R1, 0, context.Leave);
                break;
            case IrTake take:
                asm.LoadImmediate64(Register.R2, take.Count);
                // Once all have been taken nobody writes any more.
                asm.Load(MemorySize.DW, Register.R1, Register.R9, offset);
                asm.JumpIf(JumpOp.JGE, Register.R1, Register.R2, context.Leave);
                asm.Mov(Register.R1, 1);
                asm.AtomicAdd(MemorySize.DW, Register.R9, offset, Register.R1, fetch: true);
                asm.JumpIf(JumpOp.JGE, Register.R1, Register.R2, context.Leave);
                break;
            case IrThrottle throttle:
                asm.Call(HelperId.KtimeGetNs);
                asm.Mov(Register.R2, Register.R0);
                asm.Load(MemorySize.DW, Register.R0, Register.R9, offset);
                asm.JumpIf(JumpOp.JLT, Register.R2, Register.R0, context.Leave);
                asm.LoadImmediate64(Register.R1, throttle.Nanoseconds);
                asm.Add(Register.R2, Register.R1);
                asm.Mov(Register.R3, Register.R0);
                asm.AtomicCompareExchange(MemorySize.DW, Register.R9, offset, Register.R2);
                // Another hit went on at this moment.
                asm.JumpIf(JumpOp.JNE, Register.R0, Register.R3, context.Leave);
                break;
            default:
                throw IrNodes.Unknown(step.What);
        }
    }

    /// <summary>The maps of the controls of a program.</summary>
    internal static IEnumerable<MapSpec> Maps(IrProgram program, CompileTarget target)
    {
        var words = 0;
        foreach (var step in program.Statements.OfType<Control>())
        {
            words++;
            if (step.What is IrDistinct distinct)
                yield return new(MapNames.Distinct(step.Index), MapType.Hash, Layout(distinct).Size, sizeof(long), target.MaxKeys, target.PreallocateGroups ? MapFlags.None : MapFlags.NoPreallocation);
        }
        if (words > 0)
            yield return new(MapNames.Controls, MapType.Array, sizeof(int), words * sizeof(long), 1);
    }

    /// <summary>Goes on where the values were never seen together before. Of several hits that bring them at the same time the one goes on that enters them into the table.</summary>
    private static void PassNew(LoweringContext context, IrDistinct distinct, int index)
    {
        var asm = context.Asm;
        var fresh = asm.CreateLabel("not seen before");
        var layout = Layout(distinct);
        var key = context.Allocate(layout.Size);
        var value = context.Allocate(sizeof(long));
        for (var field = 0; field < distinct.Fields.Length; field++)
            ExpressionLowering.Store(context, distinct.Fields[field], Register.R10, key + layout.Offsets[field]);
        asm.LoadMap(Register.R1, MapNames.Distinct(index));
        context.AddressOfFrame(Register.R2, key);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, context.Leave);
        asm.Store(MemorySize.DW, Register.R10, value, 0);
        asm.LoadMap(Register.R1, MapNames.Distinct(index));
        context.AddressOfFrame(Register.R2, key);
        context.AddressOfFrame(Register.R3, value);
        asm.Mov(Register.R4, BpfNoExist);
        asm.Call(HelperId.MapUpdateElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, fresh);
        asm.JumpIf(JumpOp.JEQ, Register.R0, Exists, context.Leave);
        // The table is full, or the kernel has no memory at hand.
        context.Increment(HealthCounter.KeysLost);
        asm.Jump(context.Leave);
        asm.Place(fresh);
    }

    private static EventLayout Layout(IrDistinct distinct) => EventLayout.Of(distinct.Fields);
}
