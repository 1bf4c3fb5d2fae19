namespace StackDepth.Native.Asm;

/// <summary>Operations of <c>BPF_ALU</c> and <c>BPF_ALU64</c>, and the widths and directions of byte swaps.</summary>
internal static partial class Opcode
{
    internal const byte BPF_ADD = 0x00;
    internal const byte BPF_SUB = 0x10;
    internal const byte BPF_MUL = 0x20;
    internal const byte BPF_DIV = 0x30;
    internal const byte BPF_OR = 0x40;
    internal const byte BPF_AND = 0x50;
    internal const byte BPF_LSH = 0x60;
    internal const byte BPF_RSH = 0x70;
    internal const byte BPF_NEG = 0x80;
    internal const byte BPF_MOD = 0x90;
    internal const byte BPF_XOR = 0xa0;
    internal const byte BPF_MOV = 0xb0;
    internal const byte BPF_ARSH = 0xc0;
    internal const byte BPF_END = 0xd0;

    /// <summary>With <see cref="BPF_END"/> in <c>BPF_ALU</c>: convert to little-endian; in <c>BPF_ALU64</c> the same bit means an unconditional swap.</summary>
    internal const byte BPF_TO_LE = 0x00;

    internal const byte BPF_TO_BE = 0x08;

    /// <summary>The offset that makes <see cref="BPF_DIV"/> and <see cref="BPF_MOD"/> signed (instruction set v4, Linux 6.6).</summary>
    internal const short SignedDivision = 1;

    /// <summary>The offset that makes a 64-bit register move an address space cast (Linux 6.9, arenas).</summary>
    internal const short BPF_ADDR_SPACE_CAST = 1;
}
