using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Native.Link;

/// <summary>
/// Tells at a function's entry whether the kernel will report its return. A thread has at most 64 returns pending, of all probes and of all tools together; for an entry beyond, the kernel
/// does nothing but print a line into its log (<c>prepare_uretprobe</c> in kernel/events/uprobes.c): neither the link nor the program's statistics count it. But whether it will is decided
/// by <c>current->utask->depth</c>, right after the programs at the entry ran, so they can look at the same number.
/// </summary>
/// <param name="TaskUprobes">The offset of <c>task_struct.utask</c>.</param>
/// <param name="Depth">The offset of <c>uprobe_task.depth</c>.</param>
internal readonly record struct ReturnNesting(int TaskUprobes, int Depth)
{
    /// <summary>MAX_URETPROBE_DEPTH.</summary>
    internal const int MaxPending = 64;

    /// <summary>Null where the kernel does not describe its types.</summary>
    internal static ReturnNesting? Read(VmlinuxBtf btf) =>
        btf.TryGetFieldOffset("task_struct", "utask", out var uprobes) && btf.TryGetFieldOffset("uprobe_task", "depth", out var depth) ? new ReturnNesting(uprobes, depth) : null;

    /// <summary>
    /// Emits a jump to <paramref name="lost"/> for an entry whose return the kernel will not report. Changes r0 to r5 (bpf_get_current_task_btf is from Linux 5.11). Where the thread has no
    /// <c>utask</c> yet, the load through it gives 0.
    /// </summary>
    internal void EmitJumpIfLost(Assembler code, Label lost)
    {
        code.Call(HelperId.GetCurrentTaskBtf);
        code.Load(MemorySize.DW, Register.R0, Register.R0, TaskUprobes);
        code.Load(MemorySize.W, Register.R0, Register.R0, Depth);
        code.JumpIf(JumpOp.JGE, Register.R0, MaxPending, lost);
    }
}
