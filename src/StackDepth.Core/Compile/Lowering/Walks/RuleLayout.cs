using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>A rule as the program has it in a register (see <see cref="UnwindRule"/>), and the rules that walks make themselves.</summary>
internal static class RuleLayout
{
    internal const int CfaKindShift = 48;
    internal const int BpKindShift = 52;
    internal const int BxShift = 56;
    internal const int KindMask = 15;

    /// <summary>CFA = rbp + 16, rbp saved at CFA - 16: what code that keeps frame pointers has at every return address.</summary>
    internal const long FramePointer = 16 | (0xfffeL << 32) | ((long)CfaKind.BasePointer << CfaKindShift) | ((long)BasePointerKind.AtCfa << BpKindShift);

    /// <summary>CFA = rsp + 8, rbp not saved: every function at its first instruction.</summary>
    internal const long Entry = 8 | ((long)CfaKind.StackPointer << CfaKindShift);
}
