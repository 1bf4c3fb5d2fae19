using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// How a captured stack begins in its slot: the frame count (64 bits), the <see cref="Completeness"/> and the <see cref="StackReason"/> (32 bits each). What else the walk needs
/// follows, 8-byte aligned.
/// </summary>
internal static class StackHeader
{
    internal const int Count = 0;
    internal const int Completeness = 8;
    internal const int Reason = 12;
    internal const int Bytes = 16;

    /// <summary>Stores a verdict that is known to the compiler: <paramref name="reason"/> and the completeness that goes with it, for the stack at R8 + <paramref name="stack"/>.</summary>
    internal static void StoreVerdict(Assembler asm, int stack, StackReason reason)
    {
        asm.Store(MemorySize.W, Register.R8, stack + Completeness, (int)reason.Completeness());
        asm.Store(MemorySize.W, Register.R8, stack + Reason, (int)reason);
    }
}
