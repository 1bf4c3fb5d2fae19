namespace StackDepth.Native.Asm;

/// <summary>
/// The parts of an opcode byte under the kernel's own names (<c>linux/bpf_common.h</c>, <c>linux/bpf.h</c>): here the instruction classes (bits 0-2) and the
/// operand source (bit 3 of arithmetic and jumps). Meant for <c>using static</c>.
/// </summary>
internal static partial class Opcode
{
    internal const byte BPF_LD = 0x00;
    internal const byte BPF_LDX = 0x01;
    internal const byte BPF_ST = 0x02;
    internal const byte BPF_STX = 0x03;

    /// <summary>32-bit arithmetic; the upper half of the result is zeroed.</summary>
    internal const byte BPF_ALU = 0x04;

    internal const byte BPF_JMP = 0x05;
    internal const byte BPF_JMP32 = 0x06;
    internal const byte BPF_ALU64 = 0x07;

    /// <summary>The second operand is the immediate.</summary>
    internal const byte BPF_K = 0x00;

    /// <summary>The second operand is the source register.</summary>
    internal const byte BPF_X = 0x08;

    /// <summary>The class of an opcode (<c>BPF_CLASS</c>).</summary>
    internal static byte Class(byte code) => (byte)(code & 0x07);

    /// <summary>The operation of an arithmetic or jump opcode (<c>BPF_OP</c>).</summary>
    internal static byte Operation(byte code) => (byte)(code & 0xf0);

    /// <summary>The operand source of an arithmetic or jump opcode (<c>BPF_SRC</c>): <see cref="BPF_K"/> or <see cref="BPF_X"/>.</summary>
    internal static byte Source(byte code) => (byte)(code & 0x08);

    /// <summary>The size of a load or store opcode (<c>BPF_SIZE</c>).</summary>
    internal static MemorySize Size(byte code) => (MemorySize)(code & 0x18);

    /// <summary>The mode of a load or store opcode (<c>BPF_MODE</c>).</summary>
    internal static byte Mode(byte code) => (byte)(code & 0xe0);
}
