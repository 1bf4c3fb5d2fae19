using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>
/// All CPUs, by a perf event on each. Also for one process, which the program tells apart: events of a process miss threads that start while they are opened, and lose their cookies to the
/// kernel's exchange of inherited contexts.
/// </summary>
internal sealed class PerfEventPlace(IrProbe probe) : ProbePlace
{
    // One that is online, whichever it is.
    private static int CurrentCpu => Thread.GetCurrentProcessorId();

    internal override int SiteCount => 1;

    internal override string Name => probe is IrInterval ? "one CPU" : "all CPUs";

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) => [new("[cpus]", probe.ToString()!, 0, 0)];

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram)
    {
        var source = probe switch
        {
            IrProfile profile => PerfEventSource.Profile(profile.Hertz),
            IrInterval interval => PerfEventSource.Interval(interval.Period),
            IrSoftwareEvent software => PerfEventSource.Software(software.Name, (ulong)software.Period),
            _ => throw IrNodes.Unknown(probe),
        };
        var scope = probe is IrInterval ? PerfEventScope.OneCpu(CurrentCpu) : PerfEventScope.AllCpus;
        return AttachedProbe.Load(program, maps, sys, loaded => PerfEventLinks.Attach(loaded, source, scope, (ulong)FirstSite, sys));
    }
}
