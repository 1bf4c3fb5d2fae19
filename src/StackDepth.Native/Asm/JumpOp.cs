namespace StackDepth.Native.Asm;

/// <summary>The comparisons of conditional jumps; the values are the kernel's operation bits. An S means signed, JSET is "any common bit".</summary>
internal enum JumpOp : byte
{
    JEQ = Opcode.BPF_JEQ,
    JNE = Opcode.BPF_JNE,
    JGT = Opcode.BPF_JGT,
    JGE = Opcode.BPF_JGE,
    JLT = Opcode.BPF_JLT,
    JLE = Opcode.BPF_JLE,
    JSET = Opcode.BPF_JSET,
    JSGT = Opcode.BPF_JSGT,
    JSGE = Opcode.BPF_JSGE,
    JSLT = Opcode.BPF_JSLT,
    JSLE = Opcode.BPF_JSLE,
}
