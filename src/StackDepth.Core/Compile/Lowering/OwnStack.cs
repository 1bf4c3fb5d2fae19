using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Which stacks are a thread's own: the stack that the kernel made for the process, of its first thread; a mapping whose last page has the thread's control block, where glibc and musl put it,
/// of every other; and the alternate stack for signals.
/// </summary>
internal static class OwnStack
{
    private const int GrowsDown = 0x100; // VM_GROWSDOWN
    private const int PageBytes = 4096;

    /// <summary>Goes to <paramref name="alternate"/> if the thread is on its alternate stack, as the kernel's on_sig_stack() sees it. R0 = the task, R2 = the stack pointer; R3 = the stack's start, R4 = its size; uses R5.</summary>
    internal static void BranchIfAlternate(Assembler asm, KernelOffsets offsets, Label alternate)
    {
        asm.Load(MemorySize.DW, Register.R3, Register.R0, offsets.TaskSignalStack);
        asm.Load(MemorySize.DW, Register.R4, Register.R0, offsets.TaskSignalStackSize);
        asm.Mov(Register.R5, Register.R2);
        asm.Sub(Register.R5, Register.R3);
        asm.Sub(Register.R5, 1);
        asm.JumpIf(JumpOp.JLT, Register.R5, Register.R4, alternate);
    }

    /// <summary>
    /// Goes to <paramref name="ofProcess"/> if the mapping is the stack that the kernel made for the process: it grows down, and the process's stack began in it. R3 = the mapping's start, R4 = its length,
    /// R5 = its flags, R1 = mm->start_stack; spoils R1 and R5.
    /// </summary>
    internal static void BranchIfOfProcess(Assembler asm, Label ofProcess)
    {
        var other = asm.CreateLabel("not the process's stack");
        asm.Sub(Register.R1, Register.R3);
        asm.JumpIf(JumpOp.JGE, Register.R1, Register.R4, other);
        asm.JumpIf(JumpOp.JSET, Register.R5, GrowsDown, ofProcess);
        asm.Place(other);
    }

    /// <summary>Goes to <paramref name="foreign"/> unless the current thread is its process's first. R0 = the task; uses R1 and R5.</summary>
    internal static void BranchUnlessFirstThread(Assembler asm, KernelOffsets offsets, Label foreign)
    {
        asm.Load(MemorySize.W, Register.R1, Register.R0, offsets.TaskThreadId);
        asm.Load(MemorySize.W, Register.R5, Register.R0, offsets.TaskProcessId);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R5, foreign);
    }

    /// <summary>
    /// Goes to <paramref name="foreign"/> unless the control block lies in the mapping's last page, above the stack pointer. Where the kernel has merged the mapping with another one above it that is not so, and
    /// neither is the mapping's end the stack's. R0 = the task, R2 = the stack pointer, R3 = the mapping's start, R4 = its length; uses R1 and R5.
    /// </summary>
    internal static void BranchUnlessOfThread(Assembler asm, KernelOffsets offsets, Label foreign)
    {
        asm.Load(MemorySize.DW, Register.R1, Register.R0, offsets.TaskControlBlock!.Value);
        asm.JumpIf(JumpOp.JLE, Register.R1, Register.R2, foreign);
        asm.Mov(Register.R5, Register.R3);
        asm.Add(Register.R5, Register.R4);
        asm.Sub(Register.R5, Register.R1);
        asm.Sub(Register.R5, 1);
        asm.JumpIf(JumpOp.JGE, Register.R5, PageBytes, foreign);
    }
}
