using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// Follows frame pointers by a bounded loop in the program itself, for kernels without bpf_loop or bpf_find_vma (before 5.17). Nothing is known there about the code that return
/// addresses lie in, so nothing is proved.
/// </summary>
internal static class StaticWalkLowering
{
    /// <summary>The verifier goes through every round of the loop: this many are far from its limit of a million instructions.</summary>
    internal const int MostFrames = 1024;

    private const int UserBp = 32;
    private const int UserSp = 152;
    private const int FrameBytes = 2 * sizeof(long);

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        var asm = context.Asm;
        var frame = context.Allocate(FrameBytes);
        var count = context.Allocate(sizeof(long));
        var top = context.Allocate(sizeof(long));
        var step = asm.CreateLabel("frame");
        var ended = asm.CreateLabel("chain ended");
        var known = asm.CreateLabel("verdict known");

        // R9 = the base pointer; what lies below top has been left behind.
        asm.Load(MemorySize.DW, Register.R9, Register.R6, UserBp);
        asm.Load(MemorySize.DW, Register.R3, Register.R6, UserSp);
        asm.Store(MemorySize.DW, Register.R10, top, Register.R3);
        asm.Store(MemorySize.DW, Register.R10, count, 1);
        if (context.EntersAtFunctions)
        {
            // At a function's entry the caller's address is at the stack pointer.
            Read(sizeof(long));
            asm.JumpIf(JumpOp.JNE, Register.R0, 0, failed);
            Next(0);
        }
        asm.Place(step);
        asm.Mov(Register.R1, Register.R9);
        asm.And(Register.R1, 7);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, ended);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, top);
        asm.JumpIf(JumpOp.JLT, Register.R9, Register.R1, ended);
        asm.Mov(Register.R3, Register.R9);
        Read(FrameBytes);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, ended);
        asm.Add(Register.R9, FrameBytes);
        asm.Store(MemorySize.DW, Register.R10, top, Register.R9);
        asm.Load(MemorySize.DW, Register.R9, Register.R10, frame);
        Next(sizeof(long));
        asm.Jump(step);

        asm.Place(ended);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, count);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        StackHeader.StoreVerdict(asm, stack, StackReason.GuessFailed);
        asm.Place(known);

        void Read(int bytes)
        {
            asm.Mov(Register.R1, Register.R10);
            asm.Add(Register.R1, frame);
            asm.Mov(Register.R2, bytes);
            asm.Call(HelperId.ProbeReadUser);
        }

        // Counts the caller, whose address has been read, unless there is none or the limit is reached.
        void Next(int address)
        {
            var below = asm.CreateLabel("below the limit");
            asm.Load(MemorySize.DW, Register.R1, Register.R10, frame + address);
            asm.JumpIf(JumpOp.JEQ, Register.R1, 0, ended);
            asm.Load(MemorySize.DW, Register.R1, Register.R10, count);
            asm.JumpIf(JumpOp.JLT, Register.R1, capture.MaxFrames, below);
            asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
            StackHeader.StoreVerdict(asm, stack, StackReason.UnprovedLimit);
            asm.Jump(known);
            asm.Place(below);
            asm.Add(Register.R1, 1);
            asm.Store(MemorySize.DW, Register.R10, count, Register.R1);
        }
    }
}
