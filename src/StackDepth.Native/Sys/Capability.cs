using System.Globalization;

namespace StackDepth.Native.Sys;

/// <summary>Capabilities that matter to BPF and perf, with the numbers of the kernel's <c>CAP_*</c>.</summary>
internal enum Capability
{
    DacReadSearch = 2,
    SysPtrace = 19,
    SysAdmin = 21,
    SysResource = 24,
    Syslog = 34,

    /// <summary>CAP_PERFMON, since Linux 5.8.</summary>
    Perfmon = 38,

    /// <summary>CAP_BPF, since Linux 5.8.</summary>
    Bpf = 39,
}

/// <summary>The effective capabilities of a process, as a set of bits.</summary>
internal readonly record struct CapabilitySet(ulong Bits)
{
    /// <summary>Reads the set of this process; null where /proc cannot be read.</summary>
    internal static CapabilitySet? Current(SystemCalls sys) => sys.ReadText("/proc/self/status") is { } status ? Parse(status) : null;

    /// <summary>Takes the set from the <c>CapEff</c> line of a <c>/proc/PID/status</c>; null without such a line.</summary>
    internal static CapabilitySet? Parse(string status) =>
        ProcText.Field(status, "CapEff") is { } text && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits)
            ? new CapabilitySet(bits)
            : null;

    /// <summary>Whether the set holds the capability itself; <see cref="Grants"/> also counts CAP_SYS_ADMIN for what was once part of it.</summary>
    internal bool Has(Capability capability) => ((Bits >> (int)capability) & 1) != 0;

    /// <summary>Whether the kernel would say yes: CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON.</summary>
    internal bool Grants(Capability capability) =>
        Has(capability) || (capability is Capability.Bpf or Capability.Perfmon && Has(Capability.SysAdmin));

    /// <summary>The kernel's name of a capability, such as CAP_BPF.</summary>
    internal static string NameOf(Capability capability) => capability switch
    {
        Capability.DacReadSearch => "CAP_DAC_READ_SEARCH",
        Capability.SysPtrace => "CAP_SYS_PTRACE",
        Capability.SysAdmin => "CAP_SYS_ADMIN",
        Capability.SysResource => "CAP_SYS_RESOURCE",
        Capability.Syslog => "CAP_SYSLOG",
        Capability.Perfmon => "CAP_PERFMON",
        Capability.Bpf => "CAP_BPF",
        _ => $"capability {(int)capability}",
    };
}
