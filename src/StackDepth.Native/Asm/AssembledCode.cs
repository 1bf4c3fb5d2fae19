using System.Collections.Immutable;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Asm;

/// <summary>What an <see cref="Assembler"/> makes: instructions with labels resolved and maps symbolic, and the functions, main first.</summary>
internal sealed record AssembledCode(ImmutableArray<Instruction> Instructions, ImmutableArray<FunctionInfo> Functions)
{
    /// <summary>Nothing: the code of a failed <see cref="Assembler.TryAssemble"/>.</summary>
    internal static AssembledCode Empty { get; } = new([], []);
}
