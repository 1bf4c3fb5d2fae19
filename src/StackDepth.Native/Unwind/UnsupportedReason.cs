namespace StackDepth.Native.Unwind;

/// <summary>Why a row of call-frame information became <see cref="CfaKind.Unsupported"/>.</summary>
internal enum UnsupportedReason
{
    /// <summary>The CFA is counted from another register than rsp, rbp, rbx, r10 or r13.</summary>
    CfaRegister,

    /// <summary>The CFA is an expression that is neither a PLT's nor *(rbp + offset).</summary>
    CfaExpression,

    /// <summary>There is no CFA.</summary>
    CfaMissing,

    /// <summary>An offset does not fit the rule.</summary>
    Offset,

    /// <summary>rbp is in another register, or in a place or of a value that a rule cannot say.</summary>
    BasePointer,

    /// <summary>The return address is somewhere else than at CFA - 8.</summary>
    ReturnAddress,

    /// <summary>The caller's rsp is not the CFA.</summary>
    StackPointer,

    /// <summary>Marked as a signal frame, but its registers are not where the kernel's rt_sigframe has them.</summary>
    SignalFrame,

    /// <summary>An instruction that is not known: the rest of the function cannot be trusted.</summary>
    Instruction,

    /// <summary>The instructions are cut off, go back, or restore a state that was not remembered.</summary>
    Damaged,

    /// <summary>An augmentation that is not known may change what everything else means.</summary>
    Augmentation,

    /// <summary>Several functions claim the same code, and say different things about it.</summary>
    Overlap,

    /// <summary>More different rules than row numbers can name.</summary>
    RuleNumbers,
}
