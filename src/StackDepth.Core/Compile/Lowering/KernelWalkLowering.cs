using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// The kernel's own walk. It gives no proof that the outermost user frame was reached, so a user stack is never complete; its unwinder of kernel frames ends at the entry into
/// the kernel, and is complete unless cut.
/// </summary>
internal static class KernelWalkLowering
{
    private const int UserStackFlag = 1 << 8; // BPF_F_USER_STACK

    // The helper zeroes what it does not fill: no larger than the kernel can fill.
    internal static int StateBytes(CompileTarget target) => target.MaxStackFrames * sizeof(long);

    /// <summary>The most frames that the capture takes.</summary>
    internal static int MostFrames(Capture capture, CompileTarget target) => capture.Stack.Frames is null ? target.MaxStackFrames : int.Min(capture.MaxFrames, target.MaxStackFrames);

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        var asm = context.Asm;
        var user = capture.Stack.Kind == StackKind.User;
        var ofTask = !user && context.Probe.HasUserRegisters;
        if (!ofTask)
        {
            asm.Mov(Register.R1, Register.R6);
        }
        else
        {
            // A uprobe's context holds user registers: the kernel's frames come from the task.
            asm.Call(HelperId.GetCurrentTaskBtf);
            asm.Mov(Register.R1, Register.R0);
        }
        asm.Mov(Register.R2, Register.R8);
        asm.Add(Register.R2, stack + StackHeader.Bytes);
        asm.Mov(Register.R3, MostFrames(capture, context.Target) * sizeof(long));
        asm.Mov(Register.R4, user ? UserStackFlag : 0);
        asm.Call(ofTask ? HelperId.GetTaskStack : HelperId.GetStack);
        // A stack has a frame at least: nothing found is a failure too, and no depth of 0.
        asm.JumpIf(JumpOp.JSLT, Register.R0, sizeof(long), failed);
        asm.Rsh(Register.R0, 3);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R0);
        asm.Note("frame count = bytes / 8");

        var uncut = asm.CreateLabel("uncut");
        var known = asm.CreateLabel("known");
        asm.JumpIf(JumpOp.JLT, Register.R0, MostFrames(capture, context.Target), uncut);
        StackHeader.StoreVerdict(asm, stack, user ? StackReason.UnprovedLimit : StackReason.FrameLimit);
        asm.Jump(known);
        asm.Place(uncut);
        StackHeader.StoreVerdict(asm, stack, user ? StackReason.NoProof : StackReason.None);
        asm.Place(known);
    }
}
