using System.Collections.Immutable;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth;

/// <summary>One thing that StackDepth can or cannot do on this machine, as this user.</summary>
/// <param name="Name">What it is, in a few words.</param>
/// <param name="Available">Whether it is there; null when it could not be found out, mostly for lack of a privilege.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do when it is not there; null when there is nothing to do.</param>
public sealed record CapabilityCheck(string Name, bool? Available, string Detail, string? Remedy);

/// <summary>What this kernel and this process's privileges allow.</summary>
public sealed class Capabilities
{
    private Capabilities(string kernel, ImmutableArray<CapabilityCheck> checks)
    {
        Kernel = kernel;
        Checks = checks;
    }

    /// <summary>The kernel's release and architecture.</summary>
    public string Kernel { get; }

    /// <summary>The checks, the most important first.</summary>
    public ImmutableArray<CapabilityCheck> Checks { get; }

    /// <summary>Whether user-space functions can be probed at all, in one of the ways there are.</summary>
    public bool CanUProbe => Has(Names.Programs) && Has(Names.Pids) && (Has(Names.UprobeMulti) || Has(Names.PerfEvents));

    /// <summary>Looks at this machine. Loads a few tiny programs into the kernel where it may; nothing is attached and nothing is left behind.</summary>
    public static Capabilities Detect() => Detect(SystemCalls.Real);

    internal static Capabilities Detect(SystemCalls sys)
    {
        var profile = KernelProfile.Detect(sys);
        var context = KernelContext.Read(sys);
        var probes = new FeatureProbes(sys);
        return new($"Linux {profile.Release} on {profile.Architecture}",
        [
            Load(sys),
            Pids(),
            Feature(probes, Names.UprobeMulti, KernelFeatures.UprobeMulti, "all functions of a glob in one link (CAP_BPF and CAP_PERFMON)", "Without it each function needs a perf event: slow to detach, and CAP_SYS_ADMIN. Use Linux 6.6 or newer."),
            PerfEvents(probes, context),
            Feature(probes, "streams of values", KernelFeatures.RingBuffer, "BPF ring buffer", "Use Linux 5.8 or newer."),
            Feature(probes, "grouping by function", KernelFeatures.BpfCookie, "attach cookies", "Use Linux 5.15 or newer."),
            Commands(profile),
            new("the kernel's walk", true, $"stores up to {profile.MaxStackFrames} frames (kernel.perf_event_max_stack)",
                profile.MaxStackFrames < KernelProfile.DefaultMaxStackFrames ? $"`sysctl kernel.perf_event_max_stack={KernelProfile.DefaultMaxStackFrames}` raises it while no perf session runs." : null),
        ]);
    }

    private bool Has(string name) => Checks.Any(check => check.Name == name && check.Available == true);

    private static CapabilityCheck Pids()
    {
        try
        {
            Runtime.PidNamespaceGuard.Check();
            return new(Names.Pids, true, "this process sees the ids that the kernel's helpers see", null);
        }
        catch (ProbeUnavailableException error)
        {
            return new(Names.Pids, false, error.Message, error.Remedy);
        }
    }

    private static CapabilityCheck Load(SystemCalls sys)
    {
        try
        {
            using var map = BpfMap.Create(new("check", Native.Spec.MapType.PerCpuArray, sizeof(int), sizeof(long), 1), sys);
            var asm = new Native.Asm.Assembler();
            asm.Mov(Native.Asm.Register.R0, 0);
            asm.Exit();
            var spec = new Native.Spec.ProgramSpec { Name = "check", Type = Native.Spec.ProgramType.Kprobe, Instructions = asm.Assemble().Instructions };
            using var program = BpfProgram.Load(spec, new Dictionary<string, BpfMap>(), sys);
            return new(Names.Programs, true, "maps and tracing programs load", null);
        }
        catch (KernelException error)
        {
            return new(Names.Programs, false, $"the kernel refuses to {error.Operation}: {error.Errno}", error.Remedy);
        }
    }

    private static CapabilityCheck Feature(FeatureProbes probes, string name, KernelFeatures feature, string detail, string remedy) => probes.Ask(feature) switch
    {
        FeatureAnswer.Present => new(name, true, detail, null),
        FeatureAnswer.Absent => new(name, false, $"the kernel has no {KernelFeatureTable.NameOf(feature)}, which came with Linux {KernelFeatureTable.Since(feature)}", remedy),
        _ => new(name, null, $"{detail}: could not be found out without the privileges above", "Mend what is missing above, then check again."),
    };

    private static CapabilityCheck PerfEvents(FeatureProbes probes, KernelContext context)
    {
        const string Detail = "one perf event per function, the fallback";
        if (probes.Ask(KernelFeatures.PerfEventUprobe) != FeatureAnswer.Present)
            return new(Names.PerfEvents, false, "the kernel offers no uprobe PMU", "Use a kernel built with CONFIG_UPROBE_EVENTS.");
        if (context.InUserNamespace)
            return new(Names.PerfEvents, false, $"{Detail}, needs CAP_SYS_ADMIN outside of any user namespace", "Run in the initial user namespace (no rootless container).");
        return context.Capabilities?.Grants(Capability.SysAdmin) == true
            ? new(Names.PerfEvents, true, Detail, null)
            : new(Names.PerfEvents, false, $"{Detail}, needs CAP_SYS_ADMIN", "Needed only where uprobe_multi is missing: run as root there.");
    }

    private static CapabilityCheck Commands(KernelProfile profile) => profile.HasBtf
        ? new("following a command", true, $"the kernel describes its types in {VmlinuxBtf.DefaultPath}", null)
        : new("following a command", false, $"{VmlinuxBtf.DefaultPath} is missing", "Use a kernel built with CONFIG_DEBUG_INFO_BTF, or start the program yourself and give its pid.");

    private static class Names
    {
        internal const string Programs = "BPF programs";
        internal const string Pids = "process ids";
        internal const string UprobeMulti = "uprobes in one link (uprobe_multi)";
        internal const string PerfEvents = "uprobes by perf events";
    }
}
