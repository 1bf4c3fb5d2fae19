using System.Numerics;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>The registers that an expression may use beside its destination.</summary>
internal readonly struct ScratchRegisters
{
    private const uint All = 0b11_1111; // R0 to R5

    private readonly uint _free;

    private ScratchRegisters(uint free) => _free = free;

    /// <summary>All that a step may use, but <paramref name="destination"/>.</summary>
    internal static ScratchRegisters Beside(Register destination) => new(All & ~(1u << (int)destination));

    internal bool IsEmpty => _free == 0;

    internal int Count => BitOperations.PopCount(_free);

    /// <summary>One of them; R0 is the last, as R1 and R2 are where people look first.</summary>
    internal Register First => (Register)BitOperations.TrailingZeroCount((_free & ~1u) is var others and not 0 ? others : _free);

    internal ScratchRegisters Without(Register register) => new(_free & ~(1u << (int)register));

    internal ScratchRegisters With(Register register) => new(_free | (1u << (int)register));
}
