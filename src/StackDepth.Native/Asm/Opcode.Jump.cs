namespace StackDepth.Native.Asm;

/// <summary>Operations of <c>BPF_JMP</c> and <c>BPF_JMP32</c>; the comparisons have an enum of their own, <see cref="JumpOp"/>.</summary>
internal static partial class Opcode
{
    internal const byte BPF_JA = 0x00;
    internal const byte BPF_JEQ = 0x10;
    internal const byte BPF_JGT = 0x20;
    internal const byte BPF_JGE = 0x30;
    internal const byte BPF_JSET = 0x40;
    internal const byte BPF_JNE = 0x50;
    internal const byte BPF_JSGT = 0x60;
    internal const byte BPF_JSGE = 0x70;
    internal const byte BPF_CALL = 0x80;
    internal const byte BPF_EXIT = 0x90;
    internal const byte BPF_JLT = 0xa0;
    internal const byte BPF_JLE = 0xb0;
    internal const byte BPF_JSLT = 0xc0;
    internal const byte BPF_JSLE = 0xd0;

    /// <summary>Conditional pseudo jumps (Linux 6.9); source register 0 is <c>BPF_MAY_GOTO</c>.</summary>
    internal const byte BPF_JCOND = 0xe0;

    /// <summary><c>goto</c> with a 16-bit offset.</summary>
    internal const byte Goto = BPF_JMP | BPF_JA;

    /// <summary><c>gotol</c>: the offset is in the 32-bit immediate (instruction set v4, Linux 6.6).</summary>
    internal const byte GotoLong = BPF_JMP32 | BPF_JA;

    internal const byte MayGotoCode = BPF_JMP | BPF_JCOND;

    internal const byte CallCode = BPF_JMP | BPF_CALL;

    internal const byte ExitCode = BPF_JMP | BPF_EXIT;
}
