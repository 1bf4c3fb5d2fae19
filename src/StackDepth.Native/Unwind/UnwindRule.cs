using System.Runtime.InteropServices;

namespace StackDepth.Native.Unwind;

/// <summary>How the canonical frame address (CFA) of a frame is found.</summary>
internal enum CfaKind : byte
{
    /// <summary>Text without call-frame information.</summary>
    None = 0,

    /// <summary>CFA = stack pointer + offset.</summary>
    StackPointer = 1,

    /// <summary>CFA = base pointer + offset.</summary>
    BasePointer = 2,

    /// <summary>The linker's procedure linkage table: CFA = stack pointer + 8, and 8 more where (pc &amp; 15) >= offset.</summary>
    ProcedureLinkage = 3,

    /// <summary>CFA = *(base pointer + offset): functions that realign their stack.</summary>
    AtBasePointer = 4,

    /// <summary>There is information, but these rules cannot express it. It is never guessed.</summary>
    Unsupported = 5,

    /// <summary>The return address is undefined: there is no caller, which proves the end of the stack.</summary>
    Outermost = 6,

    /// <summary>The trampoline that a signal handler returns to: all registers are in the kernel's rt_sigframe, which begins at the stack pointer.</summary>
    SignalFrame = 7,

    /// <summary>CFA = rbx + offset, as in the dynamic linker's resolver.</summary>
    Rbx = 8,

    /// <summary>CFA = r10 + offset, in prologues that realign the stack. r10 is known of the probed function and of a frame that a signal interrupted only: elsewhere this is unsupported.</summary>
    R10 = 9,

    /// <summary>CFA = r13 + offset, as with <see cref="R10"/>.</summary>
    R13 = 10,
}

/// <summary>Where the caller's base pointer is.</summary>
internal enum BasePointerKind : byte
{
    /// <summary>In the base pointer still.</summary>
    Same = 0,

    /// <summary>In memory at CFA + 8 * offset.</summary>
    AtCfa = 1,

    /// <summary>Lost.</summary>
    Undefined = 2,

    /// <summary>In memory where the base pointer points to.</summary>
    AtBasePointer = 3,
}

/// <summary>
/// How to step from a frame to its caller: 8 bytes, in the layout that the walker in the kernel reads. The return address is at CFA - 8 with every rule that has a CFA.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal readonly record struct UnwindRule
{
    /// <summary>What <see cref="BxOffset"/> is where the caller's rbx is lost, or somewhere that a rule cannot say.</summary>
    internal const sbyte BxLost = sbyte.MaxValue;

    [FieldOffset(6)]
    private readonly byte _kinds;

    internal UnwindRule(int cfaOffset, short basePointerOffset, CfaKind cfa, BasePointerKind basePointer, sbyte bxOffset = 0)
    {
        CfaOffset = cfaOffset;
        BasePointerOffset = basePointerOffset;
        _kinds = (byte)((byte)cfa | ((byte)basePointer << 4));
        BxOffset = bxOffset;
    }

    internal UnwindRule(CfaKind kind)
        : this(0, 0, kind, BasePointerKind.Same)
    {
    }

    /// <summary>Bytes; of <see cref="CfaKind.ProcedureLinkage"/>, where in 16 bytes of code the push is behind.</summary>
    [field: FieldOffset(0)]
    internal int CfaOffset { get; }

    /// <summary>In units of 8 bytes, from the CFA.</summary>
    [field: FieldOffset(4)]
    internal short BasePointerOffset { get; }

    internal CfaKind Cfa => (CfaKind)(_kinds & 15);

    internal BasePointerKind BasePointer => (BasePointerKind)(_kinds >> 4);

    /// <summary>Where the caller's rbx is, in units of 8 bytes from the CFA; 0 where it is in rbx still. Only walks through code that counts its CFA from rbx need it.</summary>
    [field: FieldOffset(7)]
    internal sbyte BxOffset { get; }

    /// <summary>What code with a frame pointer has after its prologue: CFA = rbp + 16, the caller's rbp where rbp points to.</summary>
    internal bool IsFramePointer => this is { Cfa: CfaKind.BasePointer, CfaOffset: 16, BasePointer: BasePointerKind.AtCfa, BasePointerOffset: -2 };

    /// <summary>Whether the fields have values that the parser makes; a rule that was read from elsewhere may not.</summary>
    internal bool IsValid => Cfa switch
    {
        CfaKind.StackPointer or CfaKind.BasePointer or CfaKind.AtBasePointer or CfaKind.Rbx or CfaKind.R10 or CfaKind.R13 => HasValidBasePointer,
        CfaKind.ProcedureLinkage => CfaOffset is >= 0 and <= 31 && HasValidBasePointer,
        CfaKind.None or CfaKind.Unsupported or CfaKind.Outermost or CfaKind.SignalFrame => this == new UnwindRule(Cfa),
        _ => false,
    };

    private bool HasValidBasePointer => BasePointer == BasePointerKind.AtCfa || (BasePointer <= BasePointerKind.AtBasePointer && BasePointerOffset == 0);
}
