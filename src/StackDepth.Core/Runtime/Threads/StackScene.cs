using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime.Threads;

/// <summary>What a walk in user space sees of a thread that does not run.</summary>
internal abstract class StackScene
{
    /// <summary>The address that uretprobes put in place of return addresses; 0 where none is pending.</summary>
    internal virtual ulong Trampoline => 0;

    /// <summary>The return addresses that they took out, the newest first.</summary>
    internal virtual ReadOnlySpan<ReplacedReturn> Returns => [];

    /// <summary>The rule for the code at an address; <see cref="CfaKind.None"/> for code without rows. Or why there can be none.</summary>
    internal abstract StackReason FindRule(ulong address, out UnwindRule rule);

    /// <summary>Reads memory, at any address.</summary>
    internal abstract bool TryRead(ulong address, Span<byte> bytes);

    /// <summary>Reads the word at an address that is a multiple of 8.</summary>
    internal abstract bool TryReadWord(ulong address, out ulong word);
}

/// <summary>The registers that the rules need.</summary>
internal readonly record struct WalkRegisters(ulong Ip, ulong Sp, ulong Bp, ulong Bx, ulong R10, ulong R13);

/// <summary>What a walk came to.</summary>
/// <param name="Frames">How many frames it counted, at least 1.</param>
/// <param name="Reason">Why the stack is not complete; None where it is.</param>
internal readonly record struct WalkResult(int Frames, StackReason Reason);
