using StackDepth.Core.Tests.Walks;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Recursion;

/// <summary>How a function keeps its frame from its prologue on.</summary>
internal enum FrameStyle
{
    /// <summary>rbp points to the saved one.</summary>
    BasePointer,

    /// <summary>rbp is saved, and then used for something else.</summary>
    Saved,

    /// <summary>rbp stays the caller's.</summary>
    Frameless,

    /// <summary>There are no rows; rbp is as in <see cref="BasePointer"/> or not.</summary>
    Unknown,

    /// <summary>The function that a stack begins with.</summary>
    Outermost,
}

/// <summary>A call in a function: where it is in the file, and with which frame: its size up to the call is fixed where the rows count from rsp, 0 elsewhere.</summary>
internal sealed record CallSite(uint Offset, FrameStyle Style, int FrameBytes, bool IsCold);

internal sealed record CodeFunction(string Name, uint Offset, IReadOnlyList<CallSite> Sites);

/// <summary>A made-up file: a function that is probed, with a cold part, and others that call it and each other.</summary>
internal sealed class RecursiveCode
{
    internal const ulong Base = WalkCases.Code;
    internal const uint ProbedOffset = 0x1600;
    internal const uint ProbedSize = 0x200;
    internal const uint ColdOffset = 0x3000;
    internal const uint ColdSize = 0x100;
    internal const uint SignalReturnOffset = 0x2100;

    /// <summary>From the start of a call to its return address, and to where a signal can interrupt it.</summary>
    internal const uint CallBytes = 5;

    internal const uint Interrupted = 2;

    private const uint SiteBytes = 8;
    private static readonly int[] _frameBytes = [16, 32, 104, 616, 4200];

    private readonly List<(uint Offset, UnwindRule Rule)> _rows = [];

    internal RecursiveCode(bool probedKeepsFramePointer)
    {
        Probed = Function("probed", ProbedOffset, ColdOffset, probedKeepsFramePointer ? [FrameStyle.BasePointer] : [FrameStyle.BasePointer, FrameStyle.Saved, FrameStyle.Frameless]);
        Plain = Function("plain", 0x1800, null, [FrameStyle.BasePointer]);
        Frameless = Function("frameless", 0x1400, null, [FrameStyle.Saved, FrameStyle.Frameless]);
        Unknown = Function("unknown", 0x1c00, null, [FrameStyle.Unknown]);
        Outermost = Function("outermost", 0x2000, null, [FrameStyle.Outermost]);
        Row(SignalReturnOffset, new(CfaKind.SignalFrame));
        Row(SignalReturnOffset + SiteBytes, default);
        Row(ColdOffset + ColdSize, default);
        var plain = probedKeepsFramePointer ? ProbedOffset : Plain.Offset;
        File = new(77, 0x80_0001)
        {
            Rows = [.. _rows.OrderBy(static row => row.Offset), (0x4000, default)],
            Plain = (plain, Plain.Offset + 0x200 - plain),
        };
    }

    internal CodeFile File { get; }

    internal CodeFunction Probed { get; }

    /// <summary>Keeps frame pointers, in the stretch that is stepped over without a lookup.</summary>
    internal CodeFunction Plain { get; }

    internal CodeFunction Frameless { get; }

    /// <summary>Has no rows.</summary>
    internal CodeFunction Unknown { get; }

    internal CodeFunction Outermost { get; }

    private CodeFunction Function(string name, uint offset, uint? cold, FrameStyle[] styles)
    {
        List<CallSite> sites = [];
        Row(offset, styles[0] switch { FrameStyle.Unknown => default, FrameStyle.Outermost => new(CfaKind.Outermost), _ => new(8, 0, CfaKind.StackPointer, BasePointerKind.Same) });
        Part(offset + SiteBytes, isCold: false);
        if (cold is { } start)
            Part(start, isCold: true);
        return new(name, offset, sites);

        void Part(uint at, bool isCold)
        {
            foreach (var style in styles)
            {
                foreach (var bytes in style is FrameStyle.Saved or FrameStyle.Frameless ? _frameBytes : [0])
                {
                    sites.Add(new(at, style, bytes, isCold));
                    Row(at, style switch
                    {
                        FrameStyle.BasePointer => CodeFile.FramePointer,
                        FrameStyle.Saved => new(bytes, -2, CfaKind.StackPointer, BasePointerKind.AtCfa),
                        FrameStyle.Frameless => new(bytes, 0, CfaKind.StackPointer, BasePointerKind.Same),
                        FrameStyle.Outermost => new(CfaKind.Outermost),
                        _ => default,
                    });
                    at += SiteBytes;
                }
            }
            if (!isCold)
                Row(at, styles[0] == FrameStyle.BasePointer ? CodeFile.FramePointer : default);
        }
    }

    private void Row(uint offset, UnwindRule rule) => _rows.Add((offset, rule));
}
