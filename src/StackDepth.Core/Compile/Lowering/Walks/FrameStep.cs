using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The function that the kernel calls for each frame: finds the rule for the frame's address, applies it, and goes on by frame pointer for as long as the callers lie in code
/// that provably keeps them. It answers 1 when the walk is over. Each step leaves the stack pointer above where it was, but for at most <see cref="SignalFrames.Most"/> signal frames,
/// so no stack can make it run for ever.
/// </summary>
internal static class FrameStep
{
    internal static void Place(Assembler asm, WalkTarget target, Label step, Label mapping)
    {
        var walk = target.Walk;
        var code = new WalkCode(asm, target);
        asm.Origin = "step over a frame";
        asm.BeginFunction(step, $"{target.Name}_step");
        asm.Store(MemorySize.DW, Register.R10, WalkCode.Context, Register.R2);
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        TrailRecord.Call(code);
        // R7 = the address to look up: a return address may be the first of the next function, the call before it is not.
        code.Load(Register.R7, WalkMemory.Ip);
        code.Load(Register.R1, WalkMemory.Exact);
        asm.Sub(Register.R7, 1);
        asm.Add(Register.R7, Register.R1);

        var miss = asm.CreateLabel("address not in the cache");
        var apply = asm.CreateLabel("apply the rule");
        asm.Origin = "the rule of the frame";
        code.AddressEntry();
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Entry(WalkMemory.AddressEntry.Address));
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R7, miss);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Entry(WalkMemory.AddressEntry.Epoch));
        code.Load(Register.R2, WalkMemory.Epoch);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, miss);
        asm.Load(MemorySize.DW, Register.R8, Register.R9, Entry(WalkMemory.AddressEntry.Rule));
        if (!target.Records)
            PlainSteps.TakeStretch(code, walk);
        asm.Jump(apply);

        asm.Place(miss);
        MappingStep.Find(code, mapping);
        RowLookup.Find(code);
        code.AddressEntry();
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Address), Register.R7);
        code.Load(Register.R1, WalkMemory.Epoch);
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Epoch), Register.R1);
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Rule), Register.R8);
        // Where the mapping lies in its cache: computed again, it is cheaper than to keep a pointer.
        code.SegmentPlace(Register.R1, Register.R2);
        if (target.Sets > 0)
        {
            code.Load(Register.R2, WalkMemory.Marks);
            asm.Lsh(Register.R2, 32);
            asm.Or(Register.R1, Register.R2);
        }
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Segment), Register.R1);
        if (!target.Records)
            PlainSteps.TakeStretch(code, walk);

        asm.Place(apply);
        FrameCounts.Count(code);
        RuleStep.Apply(code, walk);
        if (target.StepsPlain)
            PlainSteps.Go(code);

        asm.Origin = "the walk is over";
        asm.Place(code.Ended);
        code.Store(WalkMemory.End, Register.R1);
        asm.Mov(Register.R0, 1);
        asm.Exit();
        BlockRead.Place(code);
        ReturnLookup.Place(code);
        TrailRecord.Place(code);
    }

    private static int Entry(int field) => WalkMemory.Addresses + field;
}
