using System.Runtime.InteropServices;

namespace StackDepth.Native.Sys;

/// <summary><c>struct perf_event_attr</c> of include/uapi/linux/perf_event.h, in its 112-byte version (PERF_ATTR_SIZE_VER5, Linux 4.1).</summary>
[StructLayout(LayoutKind.Explicit, Size = 112)]
internal struct PerfEventAttribute
{
    /// <summary>PERF_FLAG_FD_CLOEXEC.</summary>
    internal const ulong CloseOnExec = 8;

    /// <summary>PERF_EVENT_IOC_SET_BPF, <c>_IOW('$', 8, __u32)</c>.</summary>
    internal const uint SetBpf = 0x40042408;

    /// <summary>PERF_EVENT_IOC_ENABLE, <c>_IO('$', 0)</c>.</summary>
    internal const uint Enable = 0x2400;

    /// <summary>disabled: until <see cref="Enable"/>.</summary>
    internal const ulong Disabled = 1UL << 0;

    /// <summary>inherit: tasks that a watched task makes are watched too.</summary>
    internal const ulong Inherit = 1UL << 1;

    /// <summary>freq: <see cref="SamplePeriod"/> is <c>sample_freq</c>, in events a second.</summary>
    internal const ulong Frequency = 1UL << 10;

    /// <summary>inherit_thread (Linux 5.13): with <see cref="Inherit"/>, threads only.</summary>
    internal const ulong InheritThread = 1UL << 35;

    /// <summary>PERF_TYPE_TRACEPOINT.</summary>
    internal const uint Tracepoint = 2;

    /// <summary>PERF_TYPE_SOFTWARE.</summary>
    internal const uint Software = 1;

    /// <summary>PERF_COUNT_SW_DUMMY: counts nothing, and carries the records that the flags ask for.</summary>
    internal const ulong DummyEvent = 9;

    /// <summary>exclude_kernel, exclude_hv.</summary>
    internal const ulong UserOnly = 1UL << 5 | 1UL << 6;

    /// <summary>mmap and mmap2: a record of each executable mapping. Records of forks and exits come with it (perf_event_task_match).</summary>
    internal const ulong Mappings = 1UL << 8 | 1UL << 23;

    /// <summary>comm and comm_exec: a record of each exec, marked as such, and of each renaming.</summary>
    internal const ulong Execs = 1UL << 9 | 1UL << 24;

    /// <summary>watermark: <see cref="WakeupEvents"/> counts bytes.</summary>
    internal const ulong WakeByBytes = 1UL << 14;

    /// <summary>sample_id_all and use_clockid: each record ends with what <see cref="SampleType"/> asks for, by the clock <see cref="ClockId"/>.</summary>
    internal const ulong TimedRecords = 1UL << 18 | 1UL << 25;

    /// <summary>PERF_SAMPLE_TIME.</summary>
    internal const ulong SampleTime = 1UL << 2;

    [FieldOffset(0)] internal uint Type;
    [FieldOffset(4)] internal uint Size;
    [FieldOffset(8)] internal ulong Config;
    [FieldOffset(16)] internal ulong SamplePeriod;
    [FieldOffset(24)] internal ulong SampleType;
    [FieldOffset(32)] internal ulong ReadFormat;
    [FieldOffset(40)] internal ulong Flags;
    [FieldOffset(48)] internal uint WakeupEvents;
    [FieldOffset(52)] internal uint BreakpointType;

    /// <summary><c>uprobe_path</c>, overlaid with config1.</summary>
    [FieldOffset(56)] internal ulong UprobePath;

    /// <summary><c>kprobe_func</c>, overlaid with config1: the name of a kernel function, or 0 for an address.</summary>
    [FieldOffset(56)] internal ulong KprobeFunction;

    /// <summary><c>kprobe_addr</c>, overlaid with config2.</summary>
    [FieldOffset(64)] internal ulong KprobeAddress;

    /// <summary><c>probe_offset</c>, overlaid with config2.</summary>
    [FieldOffset(64)] internal ulong ProbeOffset;

    /// <summary><c>clockid</c>, of <c>clock_gettime(2)</c>.</summary>
    [FieldOffset(92)] internal int ClockId;
}
