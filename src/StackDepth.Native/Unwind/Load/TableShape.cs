using System.Runtime.InteropServices;

namespace StackDepth.Native.Unwind;

// The parser's own types, as far as they are needed here, until the branches meet: this file goes then.

internal enum CfaKind : byte
{
    None = 0,
    StackPointer = 1,
    BasePointer = 2,
    Unsupported = 5,
    Outermost = 6,
}

internal enum BasePointerKind : byte
{
    Same = 0,
    AtCfa = 1,
}

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct UnwindRule(int CfaOffset, short BasePointerOffset, CfaKind Cfa, BasePointerKind BasePointer)
{
    internal UnwindRule(CfaKind kind)
        : this(0, 0, kind, BasePointerKind.Same)
    {
    }
}

internal sealed record UnwindReport(int Fdes, int SkippedFdes, int Rows, bool IsDamaged, IReadOnlyList<int> Unsupported);

internal sealed class UnwindTable
{
    internal required UnwindRule[] Rules { get; init; }

    internal required uint FirstPage { get; init; }

    internal required uint[] PageStarts { get; init; }

    internal required uint[] Rows { get; init; }

    internal required bool KeepsFramePointers { get; init; }

    internal required byte[]? BuildId { get; init; }

    internal required UnwindReport Report { get; init; }

    internal int PageCount => PageStarts.Length - 1;

    internal bool HasRules => Rules.Length > 1;
}
