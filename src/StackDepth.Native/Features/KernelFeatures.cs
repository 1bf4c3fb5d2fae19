namespace StackDepth.Native.Features;

/// <summary>Kernel features that StackDepth uses where they are and does without where they are not.</summary>
[Flags]
internal enum KernelFeatures
{
    None = 0,

    /// <summary>uprobe_multi links (6.6).</summary>
    UprobeMulti = 1 << 0,

    /// <summary>uprobe_multi links whose pid means a process; at first it meant one thread (6.10, and some stable releases of 6.6 and 6.9).</summary>
    UprobeMultiProcess = 1 << 1,

    /// <summary>uprobes by perf events (4.17).</summary>
    PerfEventUprobe = 1 << 2,

    /// <summary>Cookies, at BPF links to perf events and by bpf_get_attach_cookie (5.15).</summary>
    BpfCookie = 1 << 3,

    /// <summary>The BPF ring buffer (5.8).</summary>
    RingBuffer = 1 << 4,

    /// <summary>The helper bpf_loop (5.17).</summary>
    BpfLoop = 1 << 5,

    /// <summary>The instruction may_goto (6.9).</summary>
    MayGoto = 1 << 6,

    /// <summary>Batched lookups in hash maps and arrays (5.6).</summary>
    MapBatch = 1 << 7,

    /// <summary>The helper bpf_find_vma (5.17).</summary>
    FindVma = 1 << 8,

    /// <summary>kprobe_multi links (5.18, with CONFIG_FPROBE).</summary>
    KprobeMulti = 1 << 16,

    /// <summary>kprobes by perf events (4.17, with CONFIG_KPROBE_EVENTS).</summary>
    PerfEventKprobe = 1 << 17,

    /// <summary>Programs at the entry and exit of kernel functions (5.5; arm64 6.0).</summary>
    Fentry = 1 << 18,

    /// <summary>uprobe sessions: one program for entry and return, with a cookie between them (6.13).</summary>
    UprobeSession = 1 << 19,
}

/// <summary>Names and first releases of the features.</summary>
internal static class KernelFeatureTable
{
    private static readonly (KernelFeatures Feature, string Name, Version Since)[] Rows =
    [
        (KernelFeatures.UprobeMulti, "uprobe_multi", new(6, 6)),
        (KernelFeatures.UprobeMultiProcess, "uprobe_multi_process", new(6, 10)),
        (KernelFeatures.PerfEventUprobe, "perf_uprobe", new(4, 17)),
        (KernelFeatures.BpfCookie, "bpf_cookie", new(5, 15)),
        (KernelFeatures.RingBuffer, "ringbuf", new(5, 8)),
        (KernelFeatures.BpfLoop, "bpf_loop", new(5, 17)),
        (KernelFeatures.MayGoto, "may_goto", new(6, 9)),
        (KernelFeatures.MapBatch, "map_batch", new(5, 6)),
        (KernelFeatures.FindVma, "find_vma", new(5, 17)),
        (KernelFeatures.KprobeMulti, "kprobe_multi", new(5, 18)),
        (KernelFeatures.PerfEventKprobe, "perf_kprobe", new(4, 17)),
        (KernelFeatures.Fentry, "fentry", new(5, 5)),
        (KernelFeatures.UprobeSession, "uprobe_session", new(6, 13)),
    ];

    internal static IEnumerable<string> Names => Rows.Select(static row => row.Name);

    internal static string NameOf(KernelFeatures feature) => Row(feature).Name;

    internal static Version Since(KernelFeatures feature) => Row(feature).Since;

    internal static KernelFeatures? Named(ReadOnlySpan<char> name)
    {
        foreach (var row in Rows)
        {
            if (name.Equals(row.Name, StringComparison.OrdinalIgnoreCase))
            {
                return row.Feature;
            }
        }

        return null;
    }

    private static (KernelFeatures Feature, string Name, Version Since) Row(KernelFeatures feature)
    {
        foreach (var row in Rows)
        {
            if (row.Feature == feature)
            {
                return row;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(feature), feature, "One feature is asked for at a time.");
    }
}
