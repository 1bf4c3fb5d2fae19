using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Usdt;

/// <summary>
/// Where a note's probe is in its file. A note is no more than a claim of whoever built the file, and a breakpoint in the middle of an instruction breaks the program: so there has to be a nop, as every
/// USDT probe has.
/// </summary>
internal readonly record struct UsdtPlace(ulong Offset, ulong Semaphore)
{
    private const uint SegmentFlagWrite = 2;

    /// <summary>Null where a probe cannot be put there.</summary>
    internal static UsdtPlace? Find(ElfImage image, UsdtNote note, bool nopsBecomeCalls, out string problem)
    {
        problem = "";
        if (!image.TryGetCodeOffset(note.Address, out var offset))
        {
            problem = $"0x{note.Address:x} is not in the file's code";
            return null;
        }

        Span<byte> code = stackalloc byte[(int)Math.Min(5, image.Length - offset)];
        image.Fill(offset, code);
        if (!IsNop(code, image.Machine))
        {
            problem = $"at 0x{note.Address:x} is no nop";
            return null;
        }

        if (nopsBecomeCalls && UprobeInstruction.IsFiveByteNop(code, image.Machine))
        {
            problem = "the kernel cannot safely probe its nop of five bytes";
            return null;
        }

        if (note.Semaphore == 0)
        {
            return new UsdtPlace(offset, 0);
        }

        // The kernel counts in a writable mapping of the file, and at even offsets only.
        foreach (ref readonly var segment in image.Segments)
        {
            if (segment.IsLoad && (segment.Flags & SegmentFlagWrite) != 0 && segment.TryGetOffset(note.Semaphore, out var semaphore) && semaphore % 2 == 0 && semaphore != 0)
            {
                return new UsdtPlace(offset, semaphore);
            }
        }

        problem = $"its semaphore, 0x{note.Semaphore:x}, is not in the file's writable data";
        return null;
    }

    private static bool IsNop(ReadOnlySpan<byte> code, ushort machine) => machine == ElfConstants.MachineArm64
        ? code.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x20, 0x03, 0xd5])
        : code is [0x90, ..] or [0x0f, 0x1f, ..] or [0x66, 0x90, ..] or [0x66, 0x0f, 0x1f, ..];
}
