using Iced.Intel;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Walks the instructions from one that is known to begin at a place, to learn whether another begins at a later one. A breakpoint inside an instruction makes another
/// instruction of it: the program would go on with wrong results, or die.
/// </summary>
internal sealed class InstructionWalk(ElfImage image, CodeWindow code)
{
    private const int Arm64Length = 4;

    /// <summary>How a place lies among the instructions.</summary>
    /// <param name="IsStart">Whether an instruction begins there.</param>
    /// <param name="Around">Else the start of the instruction around it, or of the bytes at which the walk ended.</param>
    /// <param name="Length">The bytes of that instruction; 0 when the bytes are no instruction that is known.</param>
    /// <param name="Next">The start of the instruction after it.</param>
    /// <param name="AfterNext">And of the one after that; 0 when that is not known.</param>
    internal readonly record struct Placement(bool IsStart, ulong Around = 0, int Length = 0, ulong Next = 0, ulong AfterNext = 0);

    /// <summary>Walks to <paramref name="address"/>; both are virtual addresses in executable code.</summary>
    internal Placement Place(ulong start, ulong address)
    {
        if (image.Machine == ElfConstants.MachineArm64)
        {
            var around = address - (address % Arm64Length);
            return address == around ? new(true) : new(false, around, Arm64Length, around + Arm64Length, around + (2 * Arm64Length));
        }

        if (!image.TryGetCodeOffset(start, out var offset))
        {
            return new(false, start);
        }

        var decoder = Decoder.Create(64, new Reader(image, code, offset), start);
        while (decoder.IP < address)
        {
            var at = decoder.IP;
            decoder.Decode(out var instruction);
            if (instruction.IsInvalid)
            {
                return new(false, at);
            }

            if (decoder.IP > address)
            {
                var next = decoder.IP;
                decoder.Decode(out var following);
                return new(false, at, instruction.Length, next, following.IsInvalid ? 0 : decoder.IP);
            }
        }

        return new(true);
    }

    private sealed class Reader(ElfImage image, CodeWindow code, ulong offset) : CodeReader
    {
        private ulong _offset = offset;

        public override int ReadByte() => _offset < image.Length ? code.At(_offset++, 1)[0] : -1;
    }
}
