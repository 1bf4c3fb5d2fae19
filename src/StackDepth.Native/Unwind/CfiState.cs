namespace StackDepth.Native.Unwind;

/// <summary>How the CFA is given at a place in a function.</summary>
internal enum CfaForm : byte
{
    Missing,

    /// <summary>A register plus an offset.</summary>
    Register,

    /// <summary>An expression that says the same.</summary>
    RegisterExpression,
    ProcedureLinkage,
    AtBasePointer,
    AtStackPointer,
    OtherExpression,
}

/// <summary>How the caller's value of a register is given.</summary>
internal enum SavedForm : byte
{
    /// <summary>No rule: for a register that calls preserve, the caller's value.</summary>
    Unspecified,
    Same,
    Undefined,
    AtCfa,

    /// <summary>In memory at rbp + offset.</summary>
    AtBasePointer,

    /// <summary>In memory at rsp + offset.</summary>
    AtStackPointer,
    Other,
}

/// <summary>The rules in force at one place, of the registers that matter for the way to the caller.</summary>
internal struct CfiState
{
    // DWARF numbers (System V ABI, AMD64 supplement, figure 3.36).
    internal const ulong BxRegister = 3;
    internal const ulong BasePointerRegister = 6;
    internal const ulong StackPointerRegister = 7;
    internal const ulong ReturnAddressRegister = 16;

    // The offsets from rsp, in the trampoline, of rt_sigframe's uc_mcontext: rbp, rsp and rip (arch/x86/include/uapi/asm/sigcontext.h: struct sigcontext is 40 bytes in).
    private const int SignalBasePointer = 120;
    private const int SignalStackPointer = 160;
    private const int SignalReturnAddress = 168;

    internal CfaForm Cfa;
    internal SavedForm BasePointer;
    internal SavedForm ReturnAddress;
    internal SavedForm Bx;

    /// <summary>The caller's rsp is said to be something else than the CFA.</summary>
    internal bool HasOtherStackPointer;

    // Instructions that change one of the two leave the other, even where an expression came between: unwinders agree on that, and assembly relies on it.
    internal ulong CfaRegister;
    internal long CfaOffset;
    internal ulong ExpressionRegister;
    internal long ExpressionOffset;
    internal long BasePointerOffset;
    internal long BxOffset;
    internal long ReturnAddressOffset;

    /// <summary>The rule that says this; where none does, Unsupported and the reason.</summary>
    internal readonly UnwindRule ToRule(bool isSignalFrame, out UnsupportedReason reason)
    {
        reason = default;
        if (isSignalFrame)
        {
            reason = UnsupportedReason.SignalFrame;
            return new(IsKernelSignalFrame ? CfaKind.SignalFrame : CfaKind.Unsupported);
        }

        if (ReturnAddress == SavedForm.Undefined)
        {
            return new(CfaKind.Outermost);
        }

        var kind = CfaKind.Unsupported;
        var offset = Cfa == CfaForm.Register ? CfaOffset : ExpressionOffset;
        switch (Cfa)
        {
            case CfaForm.Register or CfaForm.RegisterExpression:
                kind = (Cfa == CfaForm.Register ? CfaRegister : ExpressionRegister) switch
                {
                    StackPointerRegister => CfaKind.StackPointer,
                    BasePointerRegister => CfaKind.BasePointer,
                    BxRegister => CfaKind.Rbx,
                    10 => CfaKind.R10,
                    13 => CfaKind.R13,
                    _ => CfaKind.Unsupported,
                };
                reason = UnsupportedReason.CfaRegister;
                break;
            case CfaForm.ProcedureLinkage:
                kind = CfaKind.ProcedureLinkage;
                break;
            case CfaForm.AtBasePointer:
                kind = CfaKind.AtBasePointer;
                break;
            default:
                reason = Cfa == CfaForm.Missing ? UnsupportedReason.CfaMissing : UnsupportedReason.CfaExpression;
                break;
        }

        if (kind == CfaKind.Unsupported)
        {
            return new(CfaKind.Unsupported);
        }

        if (ReturnAddress != SavedForm.AtCfa || ReturnAddressOffset != -8)
        {
            reason = UnsupportedReason.ReturnAddress;
            return new(CfaKind.Unsupported);
        }

        if (HasOtherStackPointer)
        {
            reason = UnsupportedReason.StackPointer;
            return new(CfaKind.Unsupported);
        }

        if (offset != (int)offset)
        {
            reason = UnsupportedReason.Offset;
            return new(CfaKind.Unsupported);
        }

        switch (BasePointer)
        {
            case SavedForm.Unspecified or SavedForm.Same:
                return new((int)offset, 0, kind, BasePointerKind.Same, BxPlace);
            case SavedForm.Undefined:
                return new((int)offset, 0, kind, BasePointerKind.Undefined, BxPlace);
            case SavedForm.AtCfa when (BasePointerOffset & 7) == 0 && BasePointerOffset >> 3 == (short)(BasePointerOffset >> 3):
                return new((int)offset, (short)(BasePointerOffset >> 3), kind, BasePointerKind.AtCfa, BxPlace);
            case SavedForm.AtBasePointer when BasePointerOffset == 0:
                return new((int)offset, 0, kind, BasePointerKind.AtBasePointer, BxPlace);
            default:
                reason = BasePointer == SavedForm.AtCfa ? UnsupportedReason.Offset : UnsupportedReason.BasePointer;
                return new(CfaKind.Unsupported);
        }
    }

    // What a rule cannot say is lost: few walks need it, and those say that they cannot go on.
    private readonly sbyte BxPlace => Bx switch
    {
        SavedForm.Unspecified or SavedForm.Same => 0,
        SavedForm.AtCfa when (BxOffset & 7) == 0 && BxOffset >> 3 is >= sbyte.MinValue and < 0 => (sbyte)(BxOffset >> 3),
        _ => UnwindRule.BxLost,
    };

    private readonly bool IsKernelSignalFrame =>
        Cfa == CfaForm.AtStackPointer && ExpressionOffset == SignalStackPointer
        && BasePointer == SavedForm.AtStackPointer && BasePointerOffset == SignalBasePointer
        && ReturnAddress == SavedForm.AtStackPointer && ReturnAddressOffset == SignalReturnAddress;

    /// <summary>Sets the rule of a register, if it is one that matters.</summary>
    internal void Set(ulong register, SavedForm form, long offset = 0)
    {
        if (register == BasePointerRegister)
        {
            BasePointer = form;
            BasePointerOffset = offset;
        }
        else if (register == ReturnAddressRegister)
        {
            ReturnAddress = form;
            ReturnAddressOffset = offset;
        }
        else if (register == BxRegister)
        {
            Bx = form;
            BxOffset = offset;
        }
        else if (register == StackPointerRegister)
        {
            HasOtherStackPointer = form != SavedForm.Unspecified;
        }
    }

    internal void Restore(ulong register, in CfiState initial)
    {
        if (register == BasePointerRegister)
        {
            BasePointer = initial.BasePointer;
            BasePointerOffset = initial.BasePointerOffset;
        }
        else if (register == ReturnAddressRegister)
        {
            ReturnAddress = initial.ReturnAddress;
            ReturnAddressOffset = initial.ReturnAddressOffset;
        }
        else if (register == BxRegister)
        {
            Bx = initial.Bx;
            BxOffset = initial.BxOffset;
        }
        else if (register == StackPointerRegister)
        {
            HasOtherStackPointer = initial.HasOtherStackPointer;
        }
    }
}
