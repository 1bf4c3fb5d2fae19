using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tracepoints;
using StackDepth.Runtime;

namespace StackDepth.Diagnostics;

/// <summary>Asks the machine for one thing after the other. Loads a few tiny programs where it may; nothing is attached to code that runs and nothing is left behind.</summary>
internal sealed class MachineChecks(SystemCalls sys)
{
    private readonly KernelProfile _profile = KernelProfile.Detect(sys);
    private readonly KernelContext _context = KernelContext.Read(sys);
    private readonly FeatureProbes _probes = new(sys);

    internal string Kernel => $"Linux {_profile.Release} on {_profile.Architecture}";

    internal CapabilityCheck Programs()
    {
        const string Name = "BPF programs";
        try
        {
            using var map = BpfMap.Create(new("check", MapType.PerCpuArray, sizeof(int), sizeof(long), 1), sys);
            var asm = new Assembler();
            asm.Mov(Register.R0, 0);
            asm.Exit();
            var spec = new ProgramSpec { Name = "check", Type = ProgramType.Kprobe, Instructions = asm.Assemble().Instructions };
            using var program = BpfProgram.Load(spec, new Dictionary<string, BpfMap>(), sys);
            return new(Name, true, "maps and tracing programs load", null);
        }
        catch (KernelException error)
        {
            return new(Name, false, $"the kernel refuses to {error.Operation}: {error.Errno}", error.Remedy);
        }
    }

    internal static CapabilityCheck Pids()
    {
        const string Name = "process ids";
        try
        {
            PidNamespaceGuard.Check();
            return new(Name, true, "this process sees the ids that the kernel's helpers see", null);
        }
        catch (ProbeUnavailableException error)
        {
            return new(Name, false, error.Message, error.Remedy);
        }
    }

    internal CapabilityCheck UprobeMulti() => Feature(
        "uprobes in one link (uprobe_multi)", KernelFeatures.UprobeMulti, "all functions of a glob in one link (CAP_BPF and CAP_PERFMON)",
        "Without it each function needs a perf event: slow to detach, and CAP_SYS_ADMIN. Use Linux 6.6 or newer.");

    internal CapabilityCheck PerfEventUprobes()
    {
        const string Name = "uprobes by perf events", Detail = "one perf event per function, the fallback";
        if (_probes.Ask(KernelFeatures.PerfEventUprobe) != FeatureAnswer.Present)
            return new(Name, false, "the kernel offers no uprobe PMU", "Use a kernel built with CONFIG_UPROBE_EVENTS.");
        if (_context.InUserNamespace)
            return new(Name, false, $"{Detail}, needs CAP_SYS_ADMIN outside of any user namespace", "Run in the initial user namespace (no rootless container).");
        return _context.Capabilities?.Grants(Capability.SysAdmin) == true
            ? new(Name, true, Detail, null)
            : new(Name, false, $"{Detail}, needs CAP_SYS_ADMIN", "Needed only where uprobe_multi is missing: run as root there.");
    }

    internal CapabilityCheck Streams() => Feature("streams of values", KernelFeatures.RingBuffer, "BPF ring buffer", "Use Linux 5.8 or newer.");

    internal CapabilityCheck Cookies() => Feature("grouping by function", KernelFeatures.BpfCookie, "attach cookies", "Use Linux 5.15 or newer.");

    internal CapabilityCheck Commands() => _profile.HasBtf
        ? new("following a command", true, $"the kernel describes its types in {VmlinuxBtf.DefaultPath}", null)
        : new("following a command", false, $"{VmlinuxBtf.DefaultPath} is missing", "Use a kernel built with CONFIG_DEBUG_INFO_BTF, or start the program yourself and give its pid.");

    internal CapabilityCheck KernelWalk() => new("the kernel's walk", true, $"stores up to {_profile.MaxStackFrames} frames (kernel.perf_event_max_stack)",
        _profile.MaxStackFrames < KernelProfile.DefaultMaxStackFrames ? $"`sysctl kernel.perf_event_max_stack={KernelProfile.DefaultMaxStackFrames}` raises it while no perf session runs." : null);

    internal CapabilityCheck OwnWalks()
    {
        const string Name = "proved depths of user stacks";
        if (_profile.Architecture != Architecture.X64)
            return new(Name, false, $"StackDepth's own walks are for x86-64; this is {_profile.Architecture}", "Depths are those of the kernel's walk, and not proved.");
        if (!_profile.HasBtf)
            return new(Name, false, $"{VmlinuxBtf.DefaultPath} is missing", "Use a kernel built with CONFIG_DEBUG_INFO_BTF; frame pointers are followed without it, and nothing is proved.");
        return Feature(Name, KernelFeatures.FindVma, "StackDepth's own walks (bpf_loop, bpf_find_vma)", "Use Linux 5.17 or newer; before it frame pointers are followed, and nothing is proved.");
    }

    internal CapabilityCheck Kprobes()
    {
        const string Name = "kprobes";
        var (multi, single) = (_probes.Ask(KernelFeatures.KprobeMulti), _probes.Ask(KernelFeatures.PerfEventKprobe));
        return (multi, single) switch
        {
            (FeatureAnswer.Present, _) => new(Name, true, "all functions of a glob in one link (kprobe_multi)", null),
            (_, FeatureAnswer.Present) => new(Name, true, "one perf event per function", null),
            (FeatureAnswer.Absent, _) => new(Name, false, "the kernel has no kprobes that programs can be attached to", "Use a kernel built with CONFIG_KPROBE_EVENTS or CONFIG_FPROBE, or a tracepoint."),
            _ => Unknown(Name, "functions of the kernel"),
        };
    }

    /// <param name="programs">What <see cref="Programs"/> found: where other programs load, it is no privilege that is missing.</param>
    internal CapabilityCheck Fentry(CapabilityCheck programs)
    {
        const string Name = "kernel functions with named arguments (fentry)";
        if (!_profile.HasBtf)
            return new(Name, false, $"{VmlinuxBtf.DefaultPath} is missing", "Use a kernel built with CONFIG_DEBUG_INFO_BTF, or a kprobe.");
        const string Remedy = "Use a kprobe or a tracepoint, or a kernel built with CONFIG_FUNCTION_TRACER.";
        var check = Feature(Name, KernelFeatures.Fentry, "programs at the entry and exit of functions, with arguments by their types", Remedy);
        return check.Available is null && programs.Available == true ? new(Name, false, "the kernel refuses them here, though other programs load", Remedy) : check;
    }

    internal CapabilityCheck Tracepoints()
    {
        const string Name = "tracepoints";
        try
        {
            return new(Name, true, $"described in {Tracefs.Find(sys).Root}", null);
        }
        catch (TargetException)
        {
            return new(Name, false, $"tracefs is not mounted at {string.Join(" or ", Tracefs.MountPoints)}, or this user may not look there", "Run as root; where it is not mounted: `sudo mount -t tracefs tracefs /sys/kernel/tracing`.");
        }
    }

    internal CapabilityCheck Profile()
    {
        const string Name = "samples and software events";
        var errno = PerfEventAccess.ToCpus(sys);
        return errno == Errno.None
            ? new(Name, true, "perf events on all CPUs", null)
            : new(Name, false, $"the kernel refuses a perf event on a CPU: {errno}", "Run with CAP_PERFMON, or as root; a container also needs perf_event_open(2) in its seccomp profile.");
    }

    private CapabilityCheck Feature(string name, KernelFeatures feature, string detail, string remedy) => _probes.Ask(feature) switch
    {
        FeatureAnswer.Present => new(name, true, detail, null),
        FeatureAnswer.Absent => new(name, false, $"the kernel has no {KernelFeatureTable.NameOf(feature)}, which came with Linux {KernelFeatureTable.Since(feature)}", remedy),
        _ => Unknown(name, detail),
    };

    private static CapabilityCheck Unknown(string name, string detail) =>
        new(name, null, $"{detail}: could not be found out without the privileges above", "Mend what is missing above, then check again.");
}
