using StackDepth.Native.Asm;

namespace StackDepth.Native.Tests.Asm;

/// <summary>Well-formed instructions by rejection: random bytes which the rules accept, so that no form is forgotten here and known there.</summary>
internal sealed class RandomInstructions(int seed)
{
    private static readonly long[] Immediates =
        [0, 1, -1, 5, 8, 16, 32, 64, int.MinValue, int.MaxValue, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110];

    private static readonly short[] Offsets = [0, 0, 0, 1, 8, 16, 32, -1, short.MinValue, short.MaxValue];

    private readonly Random _random = new(seed);

    internal Instruction Next()
    {
        while (true)
        {
            var instruction = new Instruction
            {
                Code = (byte)_random.Next(256),
                Dst = Field(),
                Src = Field(),
                Offset = _random.Next(4) == 0 ? (short)_random.Next(short.MinValue, short.MaxValue + 1) : Offsets[_random.Next(Offsets.Length)],
                Immediate = _random.Next(4) switch { 0 => _random.Next(), 1 => _random.NextInt64(), _ => Immediates[_random.Next(Immediates.Length)] },
            };
            if (InstructionRules.Violation(instruction) is null)
                return instruction;
        }
    }

    private Register Field() => (Register)(_random.Next(2) == 0 ? 0 : _random.Next(11));
}
