using StackDepth.Native.Asm;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>Goes from a frame to its caller by the rule of the frame's address: the CFA, then the caller's rbp, rbx and return address.</summary>
internal static class RuleStep
{
    /// <summary>Applies the rule in R8; falls through with the caller's frame in memory, or ends the walk.</summary>
    internal static void Apply(WalkCode code, StackWalk walk)
    {
        var asm = code.Asm;
        var retry = asm.CreateLabel("apply the rule by kind");
        var stackPointer = asm.CreateLabel("CFA = rsp + n");
        var special = asm.CreateLabel("another rule");
        var haveCfa = asm.CreateLabel("CFA known");

        asm.Origin = "apply the rule";
        if (walk == StackWalk.FramePointer)
            PreferFramePointer(code);
        asm.Place(retry);
        // R1 = kind, R2 = rsp, R4 = offset, R5 = base and then CFA.
        asm.Mov(Register.R1, Register.R8);
        asm.Rsh(Register.R1, RuleLayout.CfaKindShift);
        asm.And(Register.R1, RuleLayout.KindMask);
        code.Load(Register.R2, WalkMemory.Sp);
        asm.Mov(Register.R4, Register.R8);
        asm.Lsh(Register.R4, 32);
        asm.Arsh(Register.R4, 32);
        asm.Mov(Register.R5, Register.R2);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)CfaKind.StackPointer, stackPointer);
        code.Load(Register.R5, WalkMemory.Bp);
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.BasePointer, special);
        asm.Place(stackPointer);
        asm.Add(Register.R5, Register.R4);

        asm.Place(haveCfa);
        var ascends = asm.CreateLabel("the CFA lies above rsp");
        var corrupt = asm.CreateLabel("corrupt");
        asm.JumpIf(JumpOp.JLE, Register.R5, Register.R2, corrupt);
        asm.Mov(Register.R1, Register.R5);
        asm.And(Register.R1, 7);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, ascends);
        asm.Place(corrupt);
        code.End(StackReason.Corrupt);

        asm.Place(ascends);
        var goesOn = asm.CreateLabel("below the limit of frames");
        code.Load(Register.R1, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JLT, Register.R1, code.Target.MaxFrames, goesOn);
        code.End(StackReason.FrameLimit);
        asm.Place(goesOn);
        code.Store(WalkMemory.Sp, Register.R5);
        asm.Mov(Register.R9, Register.R5);
        RestoreBasePointer(code);
        RestoreBx(code);

        asm.Origin = "the return address";
        asm.Mov(Register.R1, Register.R9);
        asm.Sub(Register.R1, sizeof(long));
        code.ReadWord();
        UndoHijack(code);
        var real = asm.CreateLabel("return address there");
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, real);
        code.End(StackReason.NoProof);
        asm.Place(real);
        code.Store(WalkMemory.Ip, Register.R0);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.Exact, 0);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.Depth, Register.R1);
        var next = asm.CreateLabel("the caller");
        asm.Jump(next);

        asm.Place(special);
        SpecialRules.Apply(code, retry, haveCfa);

        asm.Place(next);
        code.StopIfReached();
        if (!code.Target.StepsPlain)
        {
            asm.Mov(Register.R0, 0);
            asm.Exit();
        }
    }

    /// <summary>
    /// The walk by frame pointers alone: where the rows do not say that the caller is found by them, the step is a guess. The ends, signal frames and the function that was
    /// probed, which need not have set up its frame, go by the rows.
    /// </summary>
    private static void PreferFramePointer(WalkCode code)
    {
        var asm = code.Asm;
        var asItIs = asm.CreateLabel("the rows decide");
        code.Load(Register.R1, WalkMemory.Exact);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, asItIs);
        // All of the rule but what it says of rbx.
        asm.LoadImmediate64(Register.R2, RuleLayout.FramePointer << 8);
        asm.Mov(Register.R1, Register.R8);
        asm.Lsh(Register.R1, 8);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, asItIs);
        asm.Rsh(Register.R1, RuleLayout.CfaKindShift + 8);
        asm.And(Register.R1, RuleLayout.KindMask);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)CfaKind.Outermost, asItIs);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)CfaKind.SignalFrame, asItIs);
        asm.Mov(Register.R8, 0);
        asm.Place(asItIs);
    }

    /// <summary>rbp of the caller, by the rule in R8, with the CFA in R9.</summary>
    private static void RestoreBasePointer(WalkCode code)
    {
        var asm = code.Asm;
        var same = asm.CreateLabel("rbp is the caller's");
        var read = asm.CreateLabel("read rbp");
        var lost = asm.CreateLabel("rbp is lost");
        var restored = asm.CreateLabel("rbp restored");
        asm.Origin = "the caller's rbp";
        asm.Mov(Register.R2, Register.R8);
        asm.Rsh(Register.R2, RuleLayout.BpKindShift);
        asm.And(Register.R2, RuleLayout.KindMask);
        asm.JumpIf(JumpOp.JEQ, Register.R2, (int)BasePointerKind.Same, same);
        asm.JumpIf(JumpOp.JEQ, Register.R2, (int)BasePointerKind.Undefined, lost);
        code.Load(Register.R1, WalkMemory.Bp);
        var atCfa = asm.CreateLabel("rbp lies at CFA + 8n");
        asm.JumpIf(JumpOp.JNE, Register.R2, (int)BasePointerKind.AtBasePointer, atCfa);
        code.RequireAligned();
        asm.Jump(read);
        asm.Place(atCfa);
        asm.Mov(Register.R1, Register.R8);
        asm.Lsh(Register.R1, 16);
        asm.Arsh(Register.R1, 48);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R1, Register.R9);
        asm.Place(read);
        code.ReadWord();
        asm.Jump(restored);
        asm.Place(lost);
        asm.Mov(Register.R0, 0);
        asm.Place(restored);
        code.Store(WalkMemory.Bp, Register.R0);
        asm.Place(same);
    }

    /// <summary>rbx of the caller, in a walk that follows it.</summary>
    private static void RestoreBx(WalkCode code)
    {
        var asm = code.Asm;
        var same = asm.CreateLabel("rbx is the caller's");
        var known = asm.CreateLabel("rbx known");
        var lost = asm.CreateLabel("rbx is lost");
        asm.Origin = "the caller's rbx";
        code.Load(Register.R1, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, same);
        asm.Mov(Register.R1, Register.R8);
        asm.Arsh(Register.R1, RuleLayout.BxShift);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, same);
        asm.JumpIf(JumpOp.JEQ, Register.R1, UnwindRule.BxLost, lost);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R1, Register.R9);
        code.ReadWord();
        asm.Jump(known);
        asm.Place(lost);
        asm.Mov(Register.R0, 0);
        asm.Place(known);
        code.Store(WalkMemory.Bx, Register.R0);
        asm.Place(same);
    }

    /// <summary>Where the return address in R0 is a uretprobe's trampoline, takes the real one from the kernel's list. R9 = the CFA.</summary>
    private static void UndoHijack(WalkCode code)
    {
        var asm = code.Asm;
        var real = asm.CreateLabel("not hijacked");
        var found = asm.CreateLabel("hijacked return found");
        code.Load(Register.R1, WalkMemory.Trampoline);
        asm.JumpIf(JumpOp.JNE, Register.R0, Register.R1, real);
        asm.Mov(Register.R1, Register.R6);
        asm.Mov(Register.R2, Register.R9);
        asm.Sub(Register.R2, sizeof(long));
        asm.Call(code.FindReturn);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, found);
        code.End(StackReason.ReadFailed);
        asm.Place(found);
        code.Load(Register.R0, WalkMemory.Ip);
        asm.Place(real);
    }
}
