using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// Steps by frame pointer through text that provably keeps them (<see cref="Native.Unwind.PlainText"/>): no rule is looked up, the stretch is the proof.
/// </summary>
internal static class PlainSteps
{
    /// <summary>How many steps a call of the frame's function makes at most.</summary>
    private const int Most = 24;

    /// <summary>Takes over, from the mapping of the frame in hand, where its code keeps frame pointers. R9 = the address's entry.</summary>
    internal static void TakeStretch(WalkCode code, StackWalk walk)
    {
        if (walk == StackWalk.Unwind)
            return;
        var asm = code.Asm;
        var known = asm.CreateLabel("stretch known");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.Addresses + WalkMemory.AddressEntry.Segment);
        asm.And(Register.R1, (WalkMemory.SegmentCount - 1) * WalkMemory.SegmentBytes);
        asm.Add(Register.R1, Register.R6);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.Epoch);
        code.Load(Register.R3, WalkMemory.Epoch);
        asm.Mov(Register.R4, 0);
        asm.Mov(Register.R5, 0);
        code.Load(Register.R0, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, known);
        // Another mapping may have taken the place: its stretch is as good.
        asm.JumpIf(JumpOp.JNE, Register.R2, Register.R3, known);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainStart);
        asm.Load(MemorySize.W, Register.R5, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainLength);
        asm.Place(known);
        code.Store(WalkMemory.PlainStart, Register.R4);
        code.Store(WalkMemory.PlainLength, Register.R5);
        if (!code.CountsInPlain)
            return;
        // The marked part as a distance from the stretch's start.
        asm.Load(MemorySize.W, Register.R2, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.MarkedStart);
        asm.Load(MemorySize.DW, Register.R3, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.Offset);
        asm.Sub(Register.R2, Register.R3);
        asm.Sub(Register.R2, Register.R4);
        code.Store(WalkMemory.MarkedStart, Register.R2);
        asm.Load(MemorySize.W, Register.R2, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.MarkedLength);
        code.Store(WalkMemory.MarkedLength, Register.R2);
    }

    /// <summary>Steps by frame pointers for as long as return addresses lie in the plain stretch and the frames in the block that was read.</summary>
    internal static void Go(WalkCode code)
    {
        var asm = code.Asm;
        var stepped = asm.CreateLabel("steps counted");
        var none = asm.CreateLabel("no plain stretch");
        asm.Origin = "step by frame pointer";
        // R1 = the block's limit, R2 = rsp, R3 = rbp, R4 = the stretch's first return address, R5 = its length, R7 = rip, R8 = the block's address.
        code.Load(Register.R5, WalkMemory.PlainLength);
        asm.JumpIf(JumpOp.JEQ, Register.R5, 0, none);
        // Return addresses that a uretprobe may have replaced are looked at one by one.
        code.Load(Register.R1, WalkMemory.ReturnInstance);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, none);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JGE, Register.R1, int.Max(0, code.Target.MaxFrames - Most), none);
        code.Load(Register.R1, WalkMemory.BlockLimit);
        code.Load(Register.R2, WalkMemory.Sp);
        code.Load(Register.R3, WalkMemory.Bp);
        code.Load(Register.R4, WalkMemory.PlainStart);
        asm.Add(Register.R4, 1);
        code.Load(Register.R7, WalkMemory.Ip);
        code.Load(Register.R8, WalkMemory.BlockAddress);
        var done = new Label[Most];
        for (var step = 0; step < Most; step++)
        {
            done[step] = asm.CreateLabel($"after {step} steps");
            asm.Mov(Register.R0, Register.R7);
            asm.Sub(Register.R0, Register.R4);
            asm.JumpIf(JumpOp.JGE, Register.R0, Register.R5, done[step]);
            asm.JumpIf(JumpOp.JLT, Register.R3, Register.R2, done[step]);
            if (code.Target.Stops)
            {
                // The step that comes to a stop is made by the rule, which notes whose frame it was.
                code.Load(Register.R0, WalkMemory.Stop);
                asm.Sub(Register.R0, 16);
                asm.JumpIf(JumpOp.JGE, Register.R3, Register.R0, done[step]);
                code.Load(Register.R9, WalkMemory.StopStart);
                asm.Mov(Register.R0, Register.R7);
                asm.Sub(Register.R0, 1);
                asm.Sub(Register.R0, Register.R9);
                code.Load(Register.R9, WalkMemory.StopLength);
                asm.JumpIf(JumpOp.JLT, Register.R0, Register.R9, done[step]);
            }
            asm.Mov(Register.R9, Register.R3);
            asm.Sub(Register.R9, Register.R8);
            asm.JumpIf(JumpOp.JSET, Register.R9, 7, done[step]);
            asm.JumpIf(JumpOp.JGT, Register.R9, WalkMemory.BlockBytes - 16, done[step]);
            asm.JumpIf(JumpOp.JGE, Register.R9, Register.R1, done[step]);
            asm.Add(Register.R9, Register.R6);
            asm.Load(MemorySize.DW, Register.R0, Register.R9, WalkMemory.Block + 8);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done[step]);
            asm.Mov(Register.R2, Register.R3);
            asm.Add(Register.R2, 16);
            asm.Load(MemorySize.DW, Register.R3, Register.R9, WalkMemory.Block);
            FrameCounts.CountPlain(code);
            asm.Mov(Register.R7, Register.R0);
        }
        asm.Mov(Register.R0, Most);
        asm.Jump(stepped);
        for (var step = 1; step < Most; step++)
        {
            asm.Place(done[step]);
            asm.Mov(Register.R0, step);
            asm.Jump(stepped);
        }
        asm.Place(stepped);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, Register.R0);
        code.Store(WalkMemory.Depth, Register.R1);
        code.Store(WalkMemory.Sp, Register.R2);
        code.Store(WalkMemory.Bp, Register.R3);
        code.Store(WalkMemory.Ip, Register.R7);
        asm.Place(done[0]);
        asm.Place(none);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }
}
