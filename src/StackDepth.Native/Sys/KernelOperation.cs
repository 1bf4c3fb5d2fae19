using System.Collections.Immutable;

namespace StackDepth.Native.Sys;

/// <summary>
/// Something asked of the kernel, with what an error message needs to know about it.
/// </summary>
/// <param name="Name">What is tried, as an infinitive: <c>create a BPF map</c>.</param>
/// <param name="Feature">The kernel feature it rests on.</param>
/// <param name="LeastKernel">The first release that has the feature.</param>
/// <param name="Needs">The capabilities it takes (CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, and for all of them before 5.8).</param>
internal sealed record KernelOperation(string Name, string Feature, Version LeastKernel, ImmutableArray<Capability> Needs)
{
    /// <summary>What E2BIG means for it, and what to do.</summary>
    internal string? TooBig { get; init; }

    /// <remarks>CAP_BPF is enough for a map; but each map is for a tracing program, and who lacks privileges is to be told of all of them at once.</remarks>
    internal static readonly KernelOperation MapCreate = new("create a BPF map", "BPF maps", new(4, 10), [Capability.Bpf, Capability.Perfmon])
    {
        TooBig = "The map is larger than the kernel takes: a per-CPU value has at most 32 KiB, a key at most 512 bytes, and all entries together have to fit into memory.",
    };

    internal static readonly KernelOperation RingBufferCreate =
        MapCreate with { Name = "create a BPF ring buffer", Feature = "The BPF ring buffer", LeastKernel = new(5, 8) };

    internal static readonly KernelOperation RingBufferMap = RingBufferCreate with { Name = "map a BPF ring buffer into memory" };

    internal static readonly KernelOperation RingBufferWait = RingBufferCreate with { Name = "wait for a BPF ring buffer" };

    internal static readonly KernelOperation MapAccess = MapCreate with { Name = "use a BPF map", TooBig = "The map is full: make it larger, or of an LRU kind." };

    internal static readonly KernelOperation MapReadAll = MapCreate with { Name = "read all of a BPF map" };

    internal static readonly KernelOperation ProgramLoad =
        new("load a BPF program", "Tracing programs in BPF", new(4, 17), [Capability.Bpf, Capability.Perfmon])
        {
            TooBig = "The program is larger than the kernel takes: at most 1,000,000 instructions (4,096 before 5.2), and 64 maps.",
        };

    internal static readonly KernelOperation ProgramInfo =
        ProgramLoad with { Name = "query a BPF program", Feature = "BPF_OBJ_GET_INFO_BY_FD", LeastKernel = new(4, 13) };

    internal static readonly KernelOperation ProgramRun =
        ProgramLoad with { Name = "run a BPF program", Feature = "BPF programs of type syscall", LeastKernel = new(5, 14) };

    internal static readonly KernelOperation BtfLoad = new("load BTF", "BTF with function information", new(5, 0), [Capability.Bpf]);

    internal static readonly KernelOperation EnableStatistics =
        new("enable BPF run-time statistics", "BPF_ENABLE_STATS", new(5, 8), [Capability.SysAdmin]);

    internal static readonly KernelOperation UprobeMulti =
        new("attach uprobes by a uprobe_multi link", "uprobe_multi", new(6, 6), [Capability.Bpf, Capability.Perfmon])
        {
            TooBig = "One link takes at most 1,048,576 sites: attach fewer.",
        };

    internal static readonly KernelOperation UprobeSession =
        UprobeMulti with { Name = "attach uprobes to entries and returns by a session link", Feature = "Uprobe sessions", LeastKernel = new(6, 13) };

    internal static readonly KernelOperation UprobeEvent =
        new("open a uprobe perf event", "The uprobe PMU", new(4, 17), [Capability.SysAdmin]);

    internal static readonly KernelOperation UprobeEventLink =
        new("attach a BPF program to a uprobe perf event", "BPF links to perf events with cookies", new(5, 15), [Capability.Perfmon]);

    internal static readonly KernelOperation Uprobe = UprobeEvent with { Name = "attach uprobes", Feature = "Uprobes" };

    internal static readonly KernelOperation KprobeMulti =
        new("attach kprobes by a kprobe_multi link", "kprobe_multi", new(5, 18), [Capability.Bpf, Capability.Perfmon])
        {
            TooBig = "One link takes at most 1,048,576 functions: attach fewer.",
        };

    internal static readonly KernelOperation KprobeEvent = new("open a kprobe perf event", "The kprobe PMU", new(4, 17), [Capability.Perfmon]);

    internal static readonly KernelOperation KprobeEventLink = UprobeEventLink with { Name = "attach a BPF program to a kprobe perf event" };

    internal static readonly KernelOperation Kprobe = KprobeEvent with { Name = "attach kprobes", Feature = "Kprobes" };

    internal static readonly KernelOperation Tracing =
        new("attach to a kernel function by fentry or fexit", "fentry and fexit", new(5, 5), [Capability.Bpf, Capability.Perfmon]);

    internal static readonly KernelOperation RawTracepoint =
        new("attach to a raw tracepoint", "Raw tracepoints in BPF", new(4, 17), [Capability.Bpf, Capability.Perfmon]);

    internal static readonly KernelOperation TypedTracepoint =
        new("attach to a tracepoint with typed arguments", "Tracepoints with typed arguments (tp_btf)", new(5, 5), [Capability.Bpf, Capability.Perfmon]);

    internal static readonly KernelOperation PerfEvent =
        new("open a perf event", "Software perf events", new(4, 9), [Capability.Perfmon]);

    internal static readonly KernelOperation PerfEventProgram =
        new("attach a BPF program to a perf event", "BPF programs on perf events", new(4, 9), [Capability.Perfmon]);

    internal static readonly KernelOperation Tracepoint =
        new("attach to a tracepoint", "BPF programs on tracepoints", new(4, 7), [Capability.Bpf, Capability.Perfmon]);

    internal static readonly KernelOperation TaskIterator =
        new("read the threads by a BPF task iterator", "BPF iterators over the threads of a process", new(6, 1), [Capability.Bpf, Capability.Perfmon])
        {
            TooBig = "The kernel knows no iterators over the threads of one process: they need Linux 6.1 or later.",
        };

    internal static readonly KernelOperation MappingEvents =
        new("watch the executable mappings of all processes", "Records of mappings in perf events", new(3, 16), [Capability.Perfmon]);
}
