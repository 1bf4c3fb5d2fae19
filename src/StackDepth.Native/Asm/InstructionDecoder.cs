using System.Buffers.Binary;
using System.Collections.Immutable;

namespace StackDepth.Native.Asm;

/// <summary>The bytes of <c>struct bpf_insn</c> to instructions, little-endian; the inverse of <see cref="InstructionEncoder"/>.</summary>
internal static class InstructionDecoder
{
    /// <summary>Decodes all of <paramref name="bytes"/>. Jump targets are not checked.</summary>
    /// <exception cref="InstructionFormatException">
    /// The length is no multiple of 8, a 64-bit immediate load is cut off, an opcode is unknown, or a field that the opcode does not use is not zero.
    /// </exception>
    internal static ImmutableArray<Instruction> Decode(ReadOnlySpan<byte> bytes)
    {
        const int size = InstructionEncoder.SlotSize;
        if (bytes.Length % size != 0)
            throw new InstructionFormatException($"{bytes.Length} bytes are no whole number of {size}-byte slots: the program is cut off or not eBPF.");

        var instructions = ImmutableArray.CreateBuilder<Instruction>(bytes.Length / size);
        for (var slot = 0; slot < bytes.Length / size; slot++)
        {
            var at = bytes.Slice(slot * size, size);
            var instruction = new Instruction
            {
                Code = at[0],
                Dst = (Register)(at[1] & 0x0f),
                Src = (Register)(at[1] >> 4),
                Offset = BinaryPrimitives.ReadInt16LittleEndian(at[2..]),
                Immediate = BinaryPrimitives.ReadInt32LittleEndian(at[4..]),
            };
            var first = slot;
            if (instruction.Slots == 2)
            {
                slot++;
                if (slot * size == bytes.Length)
                    throw Bad(first, "the second slot of a 64-bit immediate load is missing");
                var next = bytes.Slice(slot * size, size);
                if (BinaryPrimitives.ReadInt32LittleEndian(next) != 0)
                    throw Bad(first, "the second slot of a 64-bit immediate load has more than an immediate");
                var high = BinaryPrimitives.ReadInt32LittleEndian(next[4..]);
                instruction = instruction with { Immediate = (long)high << 32 | (uint)instruction.Immediate };
            }

            if (InstructionRules.Violation(instruction) is { } violation)
                throw Bad(first, violation);
            instructions.Add(instruction);
        }

        return instructions.ToImmutable();
    }

    private static InstructionFormatException Bad(int slot, string what) => new($"Slot {slot} does not hold an eBPF instruction: {what}.");
}
