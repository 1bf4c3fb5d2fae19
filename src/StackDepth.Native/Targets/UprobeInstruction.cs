using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Tells the instructions that the kernel does not probe, or executes wrongly under a probe. It decides only where a process has the file mapped: elsewhere it takes the probe, and the probe never fires.
/// So this is known here, not learned from its answer.
/// </summary>
internal static class UprobeInstruction
{
    internal const int MaxLength = 15;

    /// <summary>First opcode bytes that x86's uprobes do not take (ENOTSUPP), as of Linux 6.18; a bit each.</summary>
    private static readonly ulong[] s_refused = Bits(
        0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xcc, 0xcd, 0xce, 0xcf,
        0xd4, 0xd6, 0xe4, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb);

    /// <summary>
    /// Opcode bytes of AVX instructions that x86's uprobes take for a jump, a nop, popf, a return, a call or a jump through memory, and carry out or mend as that: the
    /// program goes on with a wrong register or at a wrong place. Seen on Linux 6.18: strchr's vpbroadcastb (7a, as jp) does nothing under a probe.
    /// </summary>
    private static readonly ulong[] s_mistaken = Bits(
        0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x90, 0x9d, 0xc2, 0xc3, 0xca, 0xcb, 0xe8, 0xe9, 0xeb, 0xff);

    /// <summary>The nop of five bytes that x86's uprobes make a call into a page of their own (Linux 6.18).</summary>
    internal static bool IsFiveByteNop(ReadOnlySpan<byte> code, ushort machine) =>
        machine == ElfConstants.MachineX64 && code.StartsWith((ReadOnlySpan<byte>)[0x0f, 0x1f, 0x44, 0x00, 0x00]);

    /// <summary>Whether a probe at the instruction that begins <paramref name="code"/> would do nothing, or change what the program does.</summary>
    internal static bool CannotBeProbed(ReadOnlySpan<byte> code, ushort machine) => IsRefused(code, machine) || IsMistaken(code, machine);

    /// <summary>Whether the kernel takes a probe at the instruction that begins <paramref name="code"/>, and then executes another instruction.</summary>
    internal static bool IsMistaken(ReadOnlySpan<byte> code, ushort machine)
    {
        if (machine != ElfConstants.MachineX64)
        {
            return false;
        }

        var at = code.IndexOfAnyExcept<byte>([0x64, 0x65, 0x67]); // the prefixes that an AVX instruction can have
        if (at < 0 || VectorPrefixLength(code[at]) is not (> 0 and var length))
        {
            return false;
        }

        at += length;
        return at < code.Length && Has(s_mistaken, code[at]);
    }

    /// <summary>Whether the kernel refuses a probe at the instruction that begins <paramref name="code"/>. Bytes that are no instruction are not found out.</summary>
    internal static bool IsRefused(ReadOnlySpan<byte> code, ushort machine)
    {
        if (machine != ElfConstants.MachineX64)
        {
            return false;
        }

        var at = 0;
        for (; at < code.Length; at++)
        {
            switch (code[at])
            {
                case 0xf0 or 0x26 or 0x2e or 0x36 or 0x3e: // LOCK, and the segment overrides that mean nothing in 64-bit code
                    return true;
                case 0x64 or 0x65 or 0x66 or 0x67 or 0xf2 or 0xf3 or (>= 0x40 and <= 0x4f): // FS, GS, sizes, repetitions, REX
                    continue;
            }

            break;
        }

        // The kernel looks an AVX instruction's opcode up among those of one byte: an accident that makes vmovd (6e) look like outs.
        at += VectorPrefixLength(code[Math.Min(at, code.Length - 1)]);
        if (at >= code.Length)
        {
            return false;
        }

        // 8e /2 loads SS, which holds the single step's trap back.
        var opcode = code[at];
        return Has(s_refused, opcode) || (opcode == 0x8e && at + 1 < code.Length && ((code[at + 1] >> 3) & 7) == 2);
    }

    /// <summary>Bytes before the opcode, by the first: VEX in its two forms, EVEX.</summary>
    private static int VectorPrefixLength(byte first) => first switch { 0xc5 => 2, 0xc4 => 3, 0x62 => 4, _ => 0 };

    private static bool Has(ulong[] opcodes, byte opcode) => ((opcodes[opcode >> 6] >> (opcode & 0x3f)) & 1) != 0;

    private static ulong[] Bits(params ReadOnlySpan<byte> opcodes)
    {
        var bits = new ulong[4];
        foreach (var opcode in opcodes)
        {
            bits[opcode >> 6] |= 1UL << (opcode & 0x3f);
        }

        return bits;
    }
}
