using System.Buffers.Binary;

namespace StackDepth.Native.Asm;

/// <summary>Instructions to the bytes of <c>struct bpf_insn</c>. Always little-endian: x86-64 and arm64, the supported machines, both are.</summary>
internal static class InstructionEncoder
{
    internal const int SlotSize = 8;

    /// <summary>Encodes <paramref name="instructions"/>, eight bytes a slot.</summary>
    /// <param name="instructions">The instructions; each must be well-formed.</param>
    /// <param name="mapFd">Answers the file descriptor of a symbolic map; without it the immediates of maps stay 0.</param>
    /// <exception cref="InstructionFormatException">An instruction is not one of the instruction set; the message has its index.</exception>
    internal static byte[] Encode(ReadOnlySpan<Instruction> instructions, Func<string, int>? mapFd = null)
    {
        var slots = 0;
        foreach (ref readonly var instruction in instructions)
            slots += instruction.Slots;

        var bytes = new byte[checked(slots * SlotSize)];
        var rest = bytes.AsSpan();
        for (var index = 0; index < instructions.Length; index++)
        {
            ref readonly var instruction = ref instructions[index];
            if (InstructionRules.Violation(instruction) is { } violation)
                throw new InstructionFormatException($"Instruction {index} cannot be encoded: {violation}.");

            var low = instruction.Map is { } map && mapFd is not null ? mapFd(map) : (int)instruction.Immediate;
            rest[0] = instruction.Code;
            rest[1] = (byte)((int)instruction.Dst | (int)instruction.Src << 4);
            BinaryPrimitives.WriteInt16LittleEndian(rest[2..], instruction.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(rest[4..], low);
            if (instruction.Slots == 2)
                BinaryPrimitives.WriteInt32LittleEndian(rest[12..], (int)(instruction.Immediate >> 32));
            rest = rest[(instruction.Slots * SlotSize)..];
        }

        return bytes;
    }
}
