using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>Jumps, calls and the exit.</summary>
internal sealed partial class Assembler
{
    /// <summary>An unconditional jump of up to 32,767 slots.</summary>
    internal void Jump(Label label) => EmitReference(new Instruction { Code = Goto }, ReferenceKind.Jump, label);

    /// <summary><c>gotol</c>: an unconditional jump of any length (Linux 6.6).</summary>
    internal void JumpLong(Label label) => EmitReference(new Instruction { Code = GotoLong }, ReferenceKind.LongJump, label);

    /// <summary>Jumps if the 64-bit registers compare so.</summary>
    internal void JumpIf(JumpOp op, Register dst, Register src, Label label) => Conditional(BPF_JMP | BPF_X, op, dst, src, 0, label);

    /// <summary>Jumps if the 64-bit register compares so with the sign-extended immediate.</summary>
    internal void JumpIf(JumpOp op, Register dst, int imm, Label label) => Conditional(BPF_JMP | BPF_K, op, dst, Register.R0, imm, label);

    /// <summary>Jumps if the lower halves of the registers compare so (Linux 5.1).</summary>
    internal void Jump32If(JumpOp op, Register dst, Register src, Label label) => Conditional(BPF_JMP32 | BPF_X, op, dst, src, 0, label);

    /// <summary>Jumps if the lower half of the register compares so with the immediate (Linux 5.1).</summary>
    internal void Jump32If(JumpOp op, Register dst, int imm, Label label) => Conditional(BPF_JMP32 | BPF_K, op, dst, Register.R0, imm, label);

    /// <summary>
    /// A loop's guard (Linux 6.9): falls through in general and jumps to <paramref name="label"/> when the kernel's budget for the program is used up. The
    /// kernel does not say that it did.
    /// </summary>
    internal void MayGoto(Label label) => EmitReference(new Instruction { Code = MayGotoCode }, ReferenceKind.ConditionalJump, label);

    /// <summary>Calls a helper of the kernel: arguments in r1 to r5, result in r0.</summary>
    internal void Call(HelperId helper)
    {
        if (helper is < HelperId.MapLookupElem or > HelperId.CgrpStorageDelete)
            Error($"helper {(int)helper} does not exist");
        Emit(new Instruction { Code = CallCode, Immediate = (int)helper });
    }

    /// <summary>Calls a function of this program (Linux 4.16).</summary>
    internal void Call(Label function) =>
        EmitReference(new Instruction { Code = CallCode, Src = (Register)BPF_PSEUDO_CALL }, ReferenceKind.Call, function);

    /// <summary>Calls a kernel function by its BTF id (Linux 5.13).</summary>
    /// <param name="btfId">The id of the function in the BTF.</param>
    /// <param name="btfFdIndex">0 for vmlinux, else the index of a module's BTF in the load's <c>fd_array</c>.</param>
    internal void CallKfunc(int btfId, int btfFdIndex = 0)
    {
        if (btfId <= 0 || btfFdIndex < 0)
            Error($"BTF id {btfId} at index {btfFdIndex} is no kernel function; ids begin at 1, indexes at 0");
        Emit(new Instruction { Code = CallCode, Src = (Register)BPF_PSEUDO_KFUNC_CALL, Offset = Offset16(btfFdIndex), Immediate = btfId });
    }

    internal void Exit() => Emit(new Instruction { Code = ExitCode });

    private void Conditional(byte @class, JumpOp op, Register dst, Register src, int imm, Label label)
    {
        if (op is not (JumpOp.JEQ or JumpOp.JNE or JumpOp.JGT or JumpOp.JGE or JumpOp.JLT or JumpOp.JLE
            or JumpOp.JSET or JumpOp.JSGT or JumpOp.JSGE or JumpOp.JSLT or JumpOp.JSLE))
        {
            Error($"comparison 0x{(int)op:x2} does not exist");
            op = JumpOp.JEQ;
        }

        EmitReference(new Instruction { Code = (byte)(@class | (byte)op), Dst = dst, Src = src, Immediate = imm }, ReferenceKind.ConditionalJump, label);
    }
}
