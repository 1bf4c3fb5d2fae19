namespace StackDepth.Native.Sys;

/// <summary>What about this process and machine can explain a refusal; null where it cannot be known. Read only once something failed.</summary>
internal sealed record KernelContext
{
    internal Version? Release { get; init; }

    internal CapabilitySet? Capabilities { get; init; }

    /// <summary>kernel.unprivileged_bpf_disabled: 0 = allowed, 1 = disabled for good, 2 = disabled.</summary>
    internal int? UnprivilegedBpfDisabled { get; init; }

    /// <summary>The selected mode of /sys/kernel/security/lockdown: none, integrity or confidentiality.</summary>
    internal string? Lockdown { get; init; }

    /// <summary>The soft limit of locked memory as the kernel prints it, in bytes or <c>unlimited</c>.</summary>
    internal string? LockedMemoryLimit { get; init; }

    /// <summary>The soft limit of open files as the kernel prints it.</summary>
    internal string? OpenFilesLimit { get; init; }

    /// <summary>Whether the process is in a user namespace of its own, where capabilities do not count for BPF.</summary>
    internal bool InUserNamespace { get; init; }

    /// <summary>Whether a seccomp filter is on, as container runtimes install them.</summary>
    internal bool HasSeccompFilter { get; init; }

    /// <summary>The file of this process's program: of the dotnet host where that runs it.</summary>
    internal string? ProgramPath { get; init; }

    internal static KernelContext Read(SystemCalls sys)
    {
        var status = sys.ReadText("/proc/self/status") ?? "";
        var limits = sys.ReadText("/proc/self/limits") ?? "";
        return new KernelContext
        {
            Release = ProcText.Release(sys.ReadText("/proc/sys/kernel/osrelease")),
            Capabilities = CapabilitySet.Parse(status),
            UnprivilegedBpfDisabled = ProcText.Number(sys.ReadText("/proc/sys/kernel/unprivileged_bpf_disabled")),
            Lockdown = Selected(sys.ReadText("/sys/kernel/security/lockdown")),
            LockedMemoryLimit = SoftLimit(limits, "Max locked memory"),
            OpenFilesLimit = SoftLimit(limits, "Max open files"),
            InUserNamespace = sys.ReadText("/proc/self/uid_map") is { } map && !MapsEverything(map),
            ProgramPath = Environment.ProcessPath,
            HasSeccompFilter = ProcText.Field(status, "Seccomp") == "2",
        };
    }

    /// <summary>The bracketed word of <c>none [integrity] confidentiality</c>.</summary>
    private static string? Selected(string? text)
    {
        var open = text?.IndexOf('[', StringComparison.Ordinal) ?? -1;
        var close = open < 0 ? -1 : text!.IndexOf(']', open);
        return close < 0 ? null : text![(open + 1)..close];
    }

    private static string? SoftLimit(string limits, string name)
    {
        foreach (var line in limits.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                var value = line[name.Length..].TrimStart();
                var end = value.IndexOf(' ');
                return (end < 0 ? value : value[..end]).ToString();
            }
        }

        return null;
    }

    // The initial user namespace has one line that maps all 32-bit ids to themselves.
    private static bool MapsEverything(string map) =>
        map.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];
}
