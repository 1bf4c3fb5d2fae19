namespace StackDepth.Native.Asm;

/// <summary>
/// One logical eBPF instruction, as <c>struct bpf_insn</c> of the kernel's uapi names its parts. A 64-bit immediate load (<c>BPF_LD | BPF_IMM | BPF_DW</c>) is one
/// logical instruction that takes two 8-byte slots; jump offsets count slots.
/// </summary>
internal readonly record struct Instruction
{
    /// <summary>The opcode byte: class, and operation/source or size/mode.</summary>
    public required byte Code { get; init; }

    public Register Dst { get; init; }

    /// <summary>The source register, or for calls and 64-bit immediate loads the pseudo source (<c>BPF_PSEUDO_*</c>).</summary>
    public Register Src { get; init; }

    public short Offset { get; init; }

    /// <summary>The immediate: 32 bits sign-extended, or all 64 bits of a 64-bit immediate load (imm is the low half, the next slot's imm the high half).</summary>
    public long Immediate { get; init; }

    /// <summary>The symbolic name of the map whose descriptor goes into the immediate at load; null for all other instructions.</summary>
    public string? Map { get; init; }

    /// <summary>Where the instruction came from, for people: shown in disassembly and with verifier errors; no part of the encoding.</summary>
    public string? Comment { get; init; }

    /// <summary>How many 8-byte slots the instruction takes: 2 for a 64-bit immediate load, else 1.</summary>
    public int Slots => Code == Opcode.LoadImmediate64Code ? 2 : 1;

    /// <summary>The disassembly, with the comment; see <see cref="Disassembler"/>.</summary>
    public override string ToString() => Disassembler.Format(this);
}
