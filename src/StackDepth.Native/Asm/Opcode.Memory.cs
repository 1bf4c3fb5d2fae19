namespace StackDepth.Native.Asm;

/// <summary>Sizes and modes of loads and stores, and the atomic operations that <c>BPF_ATOMIC</c> keeps in the immediate.</summary>
internal static partial class Opcode
{
    internal const byte BPF_W = 0x00;
    internal const byte BPF_H = 0x08;
    internal const byte BPF_B = 0x10;
    internal const byte BPF_DW = 0x18;

    internal const byte BPF_IMM = 0x00;

    /// <summary>Packet access of classic BPF, deprecated; decoded, but the assembler does not emit it.</summary>
    internal const byte BPF_ABS = 0x20;

    /// <inheritdoc cref="BPF_ABS"/>
    internal const byte BPF_IND = 0x40;

    internal const byte BPF_MEM = 0x60;

    /// <summary>Sign-extending loads (instruction set v4, Linux 6.6).</summary>
    internal const byte BPF_MEMSX = 0x80;

    internal const byte BPF_ATOMIC = 0xc0;

    /// <summary>Modifier of an atomic operation: the source register receives the old value (Linux 5.12).</summary>
    internal const int BPF_FETCH = 0x01;

    internal const int BPF_XCHG = 0xe0 | BPF_FETCH;
    internal const int BPF_CMPXCHG = 0xf0 | BPF_FETCH;

    /// <summary>Load with acquire order (Linux 6.15): the destination register receives the memory at source register + offset.</summary>
    internal const int BPF_LOAD_ACQ = 0x100;

    /// <summary>Store with release order (Linux 6.15).</summary>
    internal const int BPF_STORE_REL = 0x110;

    /// <summary>The 64-bit immediate load, the only instruction of two slots.</summary>
    internal const byte LoadImmediate64Code = BPF_LD | BPF_IMM | BPF_DW;

    /// <summary>Whether an instruction is an atomic operation that answers the old value (Linux 5.12).</summary>
    internal static bool FetchesAtomically(Instruction instruction) =>
        (instruction.Code & ~(BPF_DW | BPF_W | BPF_H | BPF_B)) == (BPF_STX | BPF_ATOMIC) && (instruction.Immediate & BPF_FETCH) != 0;
}
