using System.Runtime.InteropServices;

namespace StackDepth.Native.Sys;

/// <summary>BPF_LINK_CREATE: what all kinds of links have, and what one of them has besides.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct LinkCreateAttribute
{
    [FieldOffset(0)] internal uint ProgramFd;
    [FieldOffset(4)] internal uint TargetFd;
    [FieldOffset(8)] internal uint AttachType;
    [FieldOffset(12)] internal uint Flags;

    [FieldOffset(16)] internal PerfEventLinkPart PerfEvent;
    [FieldOffset(16)] internal KprobeMultiLinkPart KprobeMulti;
    [FieldOffset(16)] internal UprobeMultiLinkPart UprobeMulti;
    [FieldOffset(16)] internal TracingLinkPart Tracing;
    [FieldOffset(16)] internal IteratorLinkPart Iterator;
}

/// <summary><c>link_create.perf_event</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PerfEventLinkPart
{
    internal ulong Cookie;
}

/// <summary><c>link_create.uprobe_multi</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UprobeMultiLinkPart
{
    /// <summary>BPF_F_UPROBE_MULTI_RETURN.</summary>
    internal const uint ReturnFlag = 1;

    internal ulong Path;
    internal ulong Offsets;
    internal ulong ReferenceCounterOffsets;
    internal ulong Cookies;
    internal uint Count;
    internal uint Flags;
    internal int Pid;
}

/// <summary><c>link_create.kprobe_multi</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KprobeMultiLinkPart
{
    /// <summary>BPF_F_KPROBE_MULTI_RETURN.</summary>
    internal const uint ReturnFlag = 1;

    internal uint Flags;
    internal uint Count;
    internal ulong Symbols;
    internal ulong Addresses;
    internal ulong Cookies;
}

/// <summary><c>link_create.tracing</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct TracingLinkPart
{
    [FieldOffset(0)] internal uint TargetBtfId;
    [FieldOffset(8)] internal ulong Cookie;
}

/// <summary><c>link_create.iter_info</c> and <c>iter_info_len</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IteratorLinkPart
{
    internal ulong Information;
    internal uint InformationLength;
}

/// <summary>The part of <c>union bpf_iter_link_info</c> that is about tasks (Linux 6.1): one of them is set, or none for all tasks.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct TaskIteratorInformation
{
    [FieldOffset(0)] internal uint ThreadId;
    [FieldOffset(4)] internal uint ProcessId;
}
