using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>Arithmetic. Without suffix 64 bits wide, immediates sign-extended; with suffix 32 the upper half of the result is zeroed.</summary>
internal sealed partial class Assembler
{
    internal void Mov(Register dst, Register src) => Alu(BPF_ALU64, BPF_MOV, dst, src);

    internal void Mov(Register dst, int imm) => Alu(BPF_ALU64, BPF_MOV, dst, imm);

    internal void Mov32(Register dst, Register src) => Alu(BPF_ALU, BPF_MOV, dst, src);

    internal void Mov32(Register dst, int imm) => Alu(BPF_ALU, BPF_MOV, dst, imm);

    /// <summary>Sign-extends the low <paramref name="bits"/> (8, 16 or 32) to 64 (Linux 6.6).</summary>
    internal void MovSx(Register dst, Register src, int bits) => SignExtend(BPF_ALU64, dst, src, bits);

    /// <summary>Sign-extends the low <paramref name="bits"/> (8 or 16) to 32; the upper half is zeroed (Linux 6.6).</summary>
    internal void MovSx32(Register dst, Register src, int bits) => SignExtend(BPF_ALU, dst, src, bits);

    internal void Add(Register dst, Register src) => Alu(BPF_ALU64, BPF_ADD, dst, src);

    internal void Add(Register dst, int imm) => Alu(BPF_ALU64, BPF_ADD, dst, imm);

    internal void Add32(Register dst, Register src) => Alu(BPF_ALU, BPF_ADD, dst, src);

    internal void Add32(Register dst, int imm) => Alu(BPF_ALU, BPF_ADD, dst, imm);

    internal void Sub(Register dst, Register src) => Alu(BPF_ALU64, BPF_SUB, dst, src);

    internal void Sub(Register dst, int imm) => Alu(BPF_ALU64, BPF_SUB, dst, imm);

    internal void Sub32(Register dst, Register src) => Alu(BPF_ALU, BPF_SUB, dst, src);

    internal void Sub32(Register dst, int imm) => Alu(BPF_ALU, BPF_SUB, dst, imm);

    internal void Mul(Register dst, Register src) => Alu(BPF_ALU64, BPF_MUL, dst, src);

    internal void Mul(Register dst, int imm) => Alu(BPF_ALU64, BPF_MUL, dst, imm);

    internal void Mul32(Register dst, Register src) => Alu(BPF_ALU, BPF_MUL, dst, src);

    internal void Mul32(Register dst, int imm) => Alu(BPF_ALU, BPF_MUL, dst, imm);

    /// <summary>Unsigned; by zero gives 0.</summary>
    internal void Div(Register dst, Register src) => Alu(BPF_ALU64, BPF_DIV, dst, src);

    /// <summary>Unsigned; by zero gives 0.</summary>
    internal void Div(Register dst, int imm) => Alu(BPF_ALU64, BPF_DIV, dst, imm);

    /// <summary>Unsigned; by zero gives 0.</summary>
    internal void Div32(Register dst, Register src) => Alu(BPF_ALU, BPF_DIV, dst, src);

    /// <summary>Unsigned; by zero gives 0.</summary>
    internal void Div32(Register dst, int imm) => Alu(BPF_ALU, BPF_DIV, dst, imm);

    /// <summary>Unsigned; by zero leaves the destination.</summary>
    internal void Mod(Register dst, Register src) => Alu(BPF_ALU64, BPF_MOD, dst, src);

    /// <summary>Unsigned; by zero leaves the destination.</summary>
    internal void Mod(Register dst, int imm) => Alu(BPF_ALU64, BPF_MOD, dst, imm);

    /// <summary>Unsigned; by zero leaves the destination.</summary>
    internal void Mod32(Register dst, Register src) => Alu(BPF_ALU, BPF_MOD, dst, src);

    /// <summary>Unsigned; by zero leaves the destination.</summary>
    internal void Mod32(Register dst, int imm) => Alu(BPF_ALU, BPF_MOD, dst, imm);

    /// <summary>Signed (Linux 6.6); by zero gives 0.</summary>
    internal void SDiv(Register dst, Register src) => Alu(BPF_ALU64, BPF_DIV, dst, src, SignedDivision);

    /// <summary>Signed (Linux 6.6); by zero gives 0.</summary>
    internal void SDiv(Register dst, int imm) => Alu(BPF_ALU64, BPF_DIV, dst, imm, SignedDivision);

    /// <summary>Signed (Linux 6.6); by zero gives 0.</summary>
    internal void SDiv32(Register dst, Register src) => Alu(BPF_ALU, BPF_DIV, dst, src, SignedDivision);

    /// <summary>Signed (Linux 6.6); by zero gives 0.</summary>
    internal void SDiv32(Register dst, int imm) => Alu(BPF_ALU, BPF_DIV, dst, imm, SignedDivision);

    /// <summary>Signed (Linux 6.6), the sign of the dividend; by zero leaves the destination.</summary>
    internal void SMod(Register dst, Register src) => Alu(BPF_ALU64, BPF_MOD, dst, src, SignedDivision);

    /// <summary>Signed (Linux 6.6), the sign of the dividend; by zero leaves the destination.</summary>
    internal void SMod(Register dst, int imm) => Alu(BPF_ALU64, BPF_MOD, dst, imm, SignedDivision);

    /// <summary>Signed (Linux 6.6), the sign of the dividend; by zero leaves the destination.</summary>
    internal void SMod32(Register dst, Register src) => Alu(BPF_ALU, BPF_MOD, dst, src, SignedDivision);

    /// <summary>Signed (Linux 6.6), the sign of the dividend; by zero leaves the destination.</summary>
    internal void SMod32(Register dst, int imm) => Alu(BPF_ALU, BPF_MOD, dst, imm, SignedDivision);

    internal void Or(Register dst, Register src) => Alu(BPF_ALU64, BPF_OR, dst, src);

    internal void Or(Register dst, int imm) => Alu(BPF_ALU64, BPF_OR, dst, imm);

    internal void Or32(Register dst, Register src) => Alu(BPF_ALU, BPF_OR, dst, src);

    internal void Or32(Register dst, int imm) => Alu(BPF_ALU, BPF_OR, dst, imm);

    internal void And(Register dst, Register src) => Alu(BPF_ALU64, BPF_AND, dst, src);

    internal void And(Register dst, int imm) => Alu(BPF_ALU64, BPF_AND, dst, imm);

    internal void And32(Register dst, Register src) => Alu(BPF_ALU, BPF_AND, dst, src);

    internal void And32(Register dst, int imm) => Alu(BPF_ALU, BPF_AND, dst, imm);

    internal void Xor(Register dst, Register src) => Alu(BPF_ALU64, BPF_XOR, dst, src);

    internal void Xor(Register dst, int imm) => Alu(BPF_ALU64, BPF_XOR, dst, imm);

    internal void Xor32(Register dst, Register src) => Alu(BPF_ALU, BPF_XOR, dst, src);

    internal void Xor32(Register dst, int imm) => Alu(BPF_ALU, BPF_XOR, dst, imm);

    /// <summary>Shift left; a register counts modulo the width.</summary>
    internal void Lsh(Register dst, Register src) => Alu(BPF_ALU64, BPF_LSH, dst, src);

    /// <summary>Shift left; a register counts modulo the width.</summary>
    internal void Lsh(Register dst, int imm) => Alu(BPF_ALU64, BPF_LSH, dst, imm);

    /// <summary>Shift left; a register counts modulo the width.</summary>
    internal void Lsh32(Register dst, Register src) => Alu(BPF_ALU, BPF_LSH, dst, src);

    /// <summary>Shift left; a register counts modulo the width.</summary>
    internal void Lsh32(Register dst, int imm) => Alu(BPF_ALU, BPF_LSH, dst, imm);

    /// <summary>Shift right, zeros in; a register counts modulo the width.</summary>
    internal void Rsh(Register dst, Register src) => Alu(BPF_ALU64, BPF_RSH, dst, src);

    /// <summary>Shift right, zeros in; a register counts modulo the width.</summary>
    internal void Rsh(Register dst, int imm) => Alu(BPF_ALU64, BPF_RSH, dst, imm);

    /// <summary>Shift right, zeros in; a register counts modulo the width.</summary>
    internal void Rsh32(Register dst, Register src) => Alu(BPF_ALU, BPF_RSH, dst, src);

    /// <summary>Shift right, zeros in; a register counts modulo the width.</summary>
    internal void Rsh32(Register dst, int imm) => Alu(BPF_ALU, BPF_RSH, dst, imm);

    /// <summary>Shift right, the sign in; a register counts modulo the width.</summary>
    internal void Arsh(Register dst, Register src) => Alu(BPF_ALU64, BPF_ARSH, dst, src);

    /// <summary>Shift right, the sign in; a register counts modulo the width.</summary>
    internal void Arsh(Register dst, int imm) => Alu(BPF_ALU64, BPF_ARSH, dst, imm);

    /// <summary>Shift right, the sign in; a register counts modulo the width.</summary>
    internal void Arsh32(Register dst, Register src) => Alu(BPF_ALU, BPF_ARSH, dst, src);

    /// <summary>Shift right, the sign in; a register counts modulo the width.</summary>
    internal void Arsh32(Register dst, int imm) => Alu(BPF_ALU, BPF_ARSH, dst, imm);

    internal void Neg(Register dst) => Alu(BPF_ALU64, BPF_NEG, dst, 0);

    internal void Neg32(Register dst) => Alu(BPF_ALU, BPF_NEG, dst, 0);

    /// <summary>Converts the low <paramref name="bits"/> (16, 32 or 64) between host order and big-endian; the bits above are zeroed.</summary>
    internal void ToBigEndian(Register register, int bits) => Swap(BPF_ALU | BPF_END | BPF_TO_BE, register, bits);

    /// <summary>Converts the low <paramref name="bits"/> (16, 32 or 64) between host order and little-endian; the bits above are zeroed.</summary>
    internal void ToLittleEndian(Register register, int bits) => Swap(BPF_ALU | BPF_END | BPF_TO_LE, register, bits);

    /// <summary>Reverses the bytes of the low <paramref name="bits"/> (16, 32 or 64), the bits above are zeroed (Linux 6.6).</summary>
    internal void ByteSwap(Register register, int bits) => Swap(BPF_ALU64 | BPF_END, register, bits);

    private void Alu(byte @class, byte operation, Register dst, Register src, short offset = 0) =>
        Emit(new Instruction { Code = (byte)(@class | operation | BPF_X), Dst = Writable(dst), Src = src, Offset = offset });

    private void Alu(byte @class, byte operation, Register dst, int imm, short offset = 0)
    {
        var width = @class == BPF_ALU64 ? 64 : 32;
        if (operation is BPF_LSH or BPF_RSH or BPF_ARSH && (imm < 0 || imm >= width))
            Error($"a shift by {imm} bits; a register of {width} bits shifts by 0 to {width - 1}");
        if (operation is BPF_DIV or BPF_MOD && imm == 0)
            Error("a division by the constant 0");
        Emit(new Instruction { Code = (byte)(@class | operation | BPF_K), Dst = Writable(dst), Offset = offset, Immediate = imm });
    }

    private void SignExtend(byte @class, Register dst, Register src, int bits)
    {
        if (bits is not (8 or 16 or 32) || (bits == 32 && @class == BPF_ALU))
        {
            Error($"a sign extension from {bits} bits; {(@class == BPF_ALU ? "8 and 16" : "8, 16 and 32")} exist");
            bits = 8;
        }

        Alu(@class, BPF_MOV, dst, src, (short)bits);
    }

    private void Swap(byte code, Register register, int bits) => Emit(new Instruction { Code = code, Dst = Writable(register), Immediate = bits });
}
