using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>Loads, stores and atomic operations on memory.</summary>
internal sealed partial class Assembler
{
    /// <summary><c>dst = *(size *)(src + offset)</c>, zero-extended.</summary>
    internal void Load(MemorySize size, Register dst, Register src, int offset) => Memory(BPF_LDX | BPF_MEM, size, Writable(dst), src, offset);

    /// <summary><c>dst = *(signed size *)(src + offset)</c> for 8, 16 and 32 bits (Linux 6.6).</summary>
    internal void LoadSigned(MemorySize size, Register dst, Register src, int offset)
    {
        if (size == MemorySize.DW)
        {
            Error("a sign-extending load of 64 bits does not exist; use Load");
            size = MemorySize.W;
        }

        Memory(BPF_LDX | BPF_MEMSX, size, Writable(dst), src, offset);
    }

    /// <summary><c>*(size *)(dst + offset) = src</c>.</summary>
    internal void Store(MemorySize size, Register dst, int offset, Register src) => Memory(BPF_STX | BPF_MEM, size, dst, src, offset);

    /// <summary><c>*(size *)(dst + offset) = imm</c>, sign-extended to 64 bits.</summary>
    internal void Store(MemorySize size, Register dst, int offset, int imm) => Memory(BPF_ST | BPF_MEM, size, dst, Register.R0, offset, imm);

    /// <summary>Atomic add of 32 or 64 bits; with <paramref name="fetch"/> the source register receives the old value (Linux 5.12).</summary>
    internal void AtomicAdd(MemorySize size, Register dst, int offset, Register src, bool fetch = false) => Atomic(BPF_ADD, size, dst, offset, src, fetch);

    /// <summary>Atomic and (Linux 5.12); see <see cref="AtomicAdd"/>.</summary>
    internal void AtomicAnd(MemorySize size, Register dst, int offset, Register src, bool fetch = false) => Atomic(BPF_AND, size, dst, offset, src, fetch);

    /// <summary>Atomic or (Linux 5.12); see <see cref="AtomicAdd"/>.</summary>
    internal void AtomicOr(MemorySize size, Register dst, int offset, Register src, bool fetch = false) => Atomic(BPF_OR, size, dst, offset, src, fetch);

    /// <summary>Atomic exclusive or (Linux 5.12); see <see cref="AtomicAdd"/>.</summary>
    internal void AtomicXor(MemorySize size, Register dst, int offset, Register src, bool fetch = false) => Atomic(BPF_XOR, size, dst, offset, src, fetch);

    /// <summary>Atomically swaps memory and source register, 32 or 64 bits (Linux 5.12).</summary>
    internal void AtomicExchange(MemorySize size, Register dst, int offset, Register src) => Atomic(BPF_XCHG, size, dst, offset, src, fetch: true);

    /// <summary>Atomically stores the source register if the memory equals r0; r0 receives the old value; 32 or 64 bits (Linux 5.12).</summary>
    internal void AtomicCompareExchange(MemorySize size, Register dst, int offset, Register src) =>
        Memory(BPF_STX | BPF_ATOMIC, size, dst, src, offset, BPF_CMPXCHG);

    /// <summary><c>dst = *(size *)(src + offset)</c> with acquire order, zero-extended (Linux 6.15).</summary>
    internal void LoadAcquire(MemorySize size, Register dst, Register src, int offset) =>
        Memory(BPF_STX | BPF_ATOMIC, size, Writable(dst), src, offset, BPF_LOAD_ACQ);

    /// <summary><c>*(size *)(dst + offset) = src</c> with release order (Linux 6.15).</summary>
    internal void StoreRelease(MemorySize size, Register dst, int offset, Register src) =>
        Memory(BPF_STX | BPF_ATOMIC, size, dst, src, offset, BPF_STORE_REL);

    private void Atomic(int operation, MemorySize size, Register dst, int offset, Register src, bool fetch) =>
        Memory(BPF_STX | BPF_ATOMIC, size, dst, fetch ? Writable(src) : src, offset, fetch ? operation | BPF_FETCH : operation);

    private void Memory(byte kind, MemorySize size, Register dst, Register src, int offset, int imm = 0)
    {
        if (size is not (MemorySize.B or MemorySize.H or MemorySize.W or MemorySize.DW))
        {
            Error($"memory size 0x{(int)size:x2} does not exist");
            size = MemorySize.DW;
        }

        Emit(new Instruction { Code = (byte)(kind | (byte)size), Dst = dst, Src = src, Offset = Offset16(offset), Immediate = imm });
    }
}
