using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Tells the instructions that must not be probed: those that the kernel refuses, and those that it executes wrongly. The kernel decides only where a process has the file mapped: elsewhere it takes the probe, and the probe never fires.
/// So this is known here, not learned from its answer.
/// </summary>
internal static class UprobeInstruction
{
    internal const int MaxLength = 15;

    /// <summary>First opcode bytes that x86's uprobes do not take (ENOTSUPP), as of Linux 6.18; a bit each.</summary>
    private static readonly UInt128[] s_refused = Bits(
        0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xcc, 0xcd, 0xce, 0xcf,
        0xd4, 0xd6, 0xe4, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb);

    /// <summary>Whether there can be no probe at the instruction that begins <paramref name="code"/>. Bytes that are no instruction are not found out.</summary>
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

        var vector = code[Math.Min(at, code.Length - 1)] switch { 0xc5 => 2, 0xc4 => 3, 0x62 => 4, _ => 0 }; // VEX and EVEX prefixes
        at += vector;
        if (at >= code.Length)
        {
            return false;
        }

        // The kernel takes the opcode of an AVX instruction for one of a byte. So vmovd (6e) is refused like outs, and vpbroadcastb (7a) taken for a jump and
        // "executed" as one: it is skipped, and the program goes on with what was in the register. glibc's memset begins with it.
        if (vector > 0 && code[at] is (>= 0x70 and <= 0x7f) or 0x90 or 0xe8 or 0xe9 or 0xeb)
        {
            return true;
        }

        // 8e /2 loads SS, which holds the single step's trap back.
        var opcode = code[at];
        return Has(opcode) || (opcode == 0x8e && at + 1 < code.Length && ((code[at + 1] >> 3) & 7) == 2);
    }

    private static bool Has(byte opcode) => ((s_refused[opcode >> 7] >> (opcode & 0x7f)) & 1) != 0;

    private static UInt128[] Bits(params ReadOnlySpan<byte> opcodes)
    {
        var bits = new UInt128[2];
        foreach (var opcode in opcodes)
        {
            bits[opcode >> 7] |= UInt128.One << (opcode & 0x7f);
        }

        return bits;
    }
}
