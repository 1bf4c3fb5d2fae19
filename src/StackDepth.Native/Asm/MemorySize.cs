namespace StackDepth.Native.Asm;

/// <summary>The widths of loads and stores: u8, u16, u32, u64; the values are the kernel's size bits.</summary>
internal enum MemorySize : byte
{
    B = Opcode.BPF_B,
    H = Opcode.BPF_H,
    W = Opcode.BPF_W,
    DW = Opcode.BPF_DW,
}
