using StackDepth.Native.Asm;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>The rules beside {rsp|rbp + n}: the linker's table, memory at rbp, text without rows, the ends of stacks, signal frames, other registers.</summary>
internal static class SpecialRules
{
    /// <summary>The rules beside {rsp|rbp + n}. R1 = kind, R2 = rsp, R4 = offset, R5 = rbp.</summary>
    internal static void Apply(WalkCode code, Label retry, Label haveCfa)
    {
        var asm = code.Asm;
        var notLinkage = asm.CreateLabel("not PLT");
        var notMemory = asm.CreateLabel("not at rbp + n");
        var notNone = asm.CreateLabel("not row-less");
        var notOutermost = asm.CreateLabel("not outermost");
        var unsupported = asm.CreateLabel("unsupported");
        var byFramePointer = asm.CreateLabel("guess: frame pointer");

        asm.Origin = "apply another rule";
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.ProcedureLinkage, notLinkage);
        var early = asm.CreateLabel("before the push");
        asm.Mov(Register.R5, Register.R2);
        asm.Add(Register.R5, 8);
        asm.Mov(Register.R3, Register.R7);
        asm.And(Register.R3, 15);
        asm.JumpIf(JumpOp.JLT, Register.R3, Register.R4, early);
        asm.Add(Register.R5, 8);
        asm.Place(early);
        asm.Jump(haveCfa);

        asm.Place(notLinkage);
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.AtBasePointer, notMemory);
        asm.Mov(Register.R1, Register.R5);
        asm.Add(Register.R1, Register.R4);
        code.RequireAligned();
        code.ReadWord();
        asm.Mov(Register.R5, Register.R0);
        code.Load(Register.R2, WalkMemory.Sp);
        asm.Jump(haveCfa);

        asm.Place(notMemory);
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.None, notNone);
        code.Load(Register.R3, WalkMemory.Guesses);
        asm.Add(Register.R3, 1);
        code.Store(WalkMemory.Guesses, Register.R3);
        if (code.Target.EntersAtFunctions)
        {
            // At a function's entry its caller's address is at the stack pointer, rows or not.
            code.Load(Register.R3, WalkMemory.Depth);
            asm.JumpIf(JumpOp.JNE, Register.R3, 1, byFramePointer);
            asm.LoadImmediate64(Register.R8, RuleLayout.Entry);
            asm.Jump(retry);
        }
        asm.Place(byFramePointer);
        var above = asm.CreateLabel("rbp lies above rsp");
        asm.JumpIf(JumpOp.JGE, Register.R5, Register.R2, above);
        code.End(StackReason.NoProof);
        asm.Place(above);
        asm.LoadImmediate64(Register.R8, RuleLayout.FramePointer);
        asm.Jump(retry);

        asm.Place(notNone);
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.Outermost, notOutermost);
        asm.Mov(Register.R1, WalkMemory.Outermost);
        asm.Note("the outermost frame");
        asm.Jump(code.Ended);
        asm.Place(notOutermost);
        var notSignal = asm.CreateLabel("not a signal frame");
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.SignalFrame, notSignal);
        SignalFrames.Cross(code);
        asm.Place(notSignal);
        // r10 and r13 are known where nothing was called since, and of no other frame; rbx where it was followed.
        asm.JumpIf(JumpOp.JLT, Register.R1, (int)CfaKind.Rbx, unsupported);
        asm.JumpIf(JumpOp.JGT, Register.R1, (int)CfaKind.R13, unsupported);
        var haveRegister = asm.CreateLabel("register known");
        var exact = asm.CreateLabel("registers known");
        var followed = asm.CreateLabel("rbx is followed");
        code.Load(Register.R3, WalkMemory.Exact);
        asm.JumpIf(JumpOp.JNE, Register.R3, 0, exact);
        asm.JumpIf(JumpOp.JNE, Register.R1, (int)CfaKind.Rbx, unsupported);
        code.Load(Register.R3, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JNE, Register.R3, 0, followed);
        BeginAnew(code);
        asm.Place(followed);
        asm.Place(exact);
        code.Load(Register.R5, WalkMemory.Bx);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)CfaKind.Rbx, haveRegister);
        code.Load(Register.R5, WalkMemory.R10);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)CfaKind.R10, haveRegister);
        code.Load(Register.R5, WalkMemory.R13);
        asm.Place(haveRegister);
        asm.Add(Register.R5, Register.R4);
        asm.Jump(haveCfa);
        asm.Place(unsupported);
        code.End(StackReason.UnsupportedRule);
    }

    /// <summary>Few stacks go through code that counts its CFA from rbx, so rbx is not followed until one does: then the walk begins anew.</summary>
    private static void BeginAnew(WalkCode code)
    {
        var asm = code.Asm;
        asm.Origin = "begin anew, with rbx";
        code.Copy(WalkMemory.FirstIp, WalkMemory.Ip, Register.R3);
        code.Copy(WalkMemory.FirstSp, WalkMemory.Sp, Register.R3);
        code.Copy(WalkMemory.FirstBp, WalkMemory.Bp, Register.R3);
        code.Copy(WalkMemory.FirstBx, WalkMemory.Bx, Register.R3);
        code.Copy(WalkMemory.FirstR10, WalkMemory.R10, Register.R3);
        code.Copy(WalkMemory.FirstR13, WalkMemory.R13, Register.R3);
        code.Copy(WalkMemory.FirstReturnInstance, WalkMemory.ReturnInstance, Register.R3);
        Set(WalkMemory.Depth, 1);
        Set(WalkMemory.Exact, 1);
        Set(WalkMemory.FollowsBx, 1);
        Set(WalkMemory.Guesses, 0);
        Set(WalkMemory.Signals, 0);
        FrameCounts.Clear(asm, Register.R6, code.Target.Sets);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        void Set(int field, int value) => asm.Store(MemorySize.DW, Register.R6, field, value);
    }
}
