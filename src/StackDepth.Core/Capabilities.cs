using System.Collections.Immutable;
using StackDepth.Diagnostics;
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
    private readonly ImmutableArray<(ProbeFeature Feature, ImmutableArray<ImmutableArray<CapabilityCheck>> Needs)> _features;

    private Capabilities(MachineChecks machine)
    {
        CapabilityCheck programs = machine.Programs(), pids = MachineChecks.Pids(), multi = machine.UprobeMulti(), events = machine.PerfEventUprobes(), commands = machine.Commands(),
            walks = machine.OwnWalks(), kprobes = machine.Kprobes(), fentry = machine.Fentry(programs), tracepoints = machine.Tracepoints(), profile = machine.Profile();
        Kernel = machine.Kernel;
        Checks = [programs, pids, multi, events, machine.Streams(), machine.Cookies(), commands, walks, machine.KernelWalk(), kprobes, fentry, tracepoints, profile];
        // Of each row all must hold, and of several checks in a place one.
        _features =
        [
            (ProbeFeature.UProbe, [[programs], [pids], [multi, events]]),
            (ProbeFeature.KProbe, [[programs], [pids], [kprobes]]),
            (ProbeFeature.FEntry, [[programs], [pids], [fentry]]),
            (ProbeFeature.Tracepoint, [[programs], [pids], [tracepoints]]),
            (ProbeFeature.Profile, [[programs], [pids], [profile]]),
            (ProbeFeature.ProvedDepths, [[programs], [walks]]),
            (ProbeFeature.Commands, [[programs], [commands]]),
        ];
    }

    /// <summary>The kernel's release and architecture.</summary>
    public string Kernel { get; }

    /// <summary>The checks, the most important first.</summary>
    public ImmutableArray<CapabilityCheck> Checks { get; }

    /// <summary>What there is of all that <see cref="ProbeFeature"/> names.</summary>
    public ProbeFeature Available => _features.Where(static row => row.Needs.All(static need => Has(need))).Aggregate(ProbeFeature.None, static (all, row) => all | row.Feature);

    /// <summary>Whether user-space functions can be probed at all, in one of the ways there are.</summary>
    public bool CanUProbe => Can(ProbeFeature.UProbe);

    /// <summary>Whether functions of the kernel can be probed.</summary>
    public bool CanKProbe => Can(ProbeFeature.KProbe);

    /// <summary>Whether functions of the kernel can be probed with arguments by name.</summary>
    public bool CanFEntry => Can(ProbeFeature.FEntry);

    /// <summary>Whether the kernel's tracepoints can be probed.</summary>
    public bool CanTracepoint => Can(ProbeFeature.Tracepoint);

    /// <summary>Whether all CPUs can be sampled.</summary>
    public bool CanProfile => Can(ProbeFeature.Profile);

    /// <summary>Looks at this machine. Loads a few tiny programs into the kernel where it may; nothing is attached to code that runs and nothing is left behind.</summary>
    public static Capabilities Detect() => Detect(SystemCalls.Real);

    internal static Capabilities Detect(SystemCalls sys) => new(new MachineChecks(sys));

    /// <summary>Throws when one of <paramref name="features"/> is missing; for programs that would rather know it at their start.</summary>
    /// <exception cref="ProbeUnavailableException">What is missing, and the remedy.</exception>
    public void ThrowIfMissing(ProbeFeature features)
    {
        foreach (var (feature, needs) in _features)
        {
            if (!features.HasFlag(feature))
                continue;
            foreach (var need in needs)
            {
                if (!Has(need))
                    throw new ProbeUnavailableException($"{feature} is not to be had here: {need[0].Name}: {need[0].Detail}.", need[0].Remedy ?? "Use another kernel.");
            }
        }
    }

    private bool Can(ProbeFeature feature) => Available.HasFlag(feature);

    private static bool Has(ImmutableArray<CapabilityCheck> oneOf)
    {
        foreach (var check in oneOf)
        {
            if (check.Available == true)
                return true;
        }
        return false;
    }
}
