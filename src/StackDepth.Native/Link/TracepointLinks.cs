using System.Collections.Immutable;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Link;

/// <summary>
/// A program at tracepoints, by a perf event each. It runs at each hit, on all CPUs and in all processes, whatever the event was opened for: the kernel keeps the programs with the tracepoint
/// (<c>perf_event_attach_bpf_prog</c> in kernel/trace/bpf_trace.c). Hits while another BPF program of a kprobe, a tracepoint or a perf event runs on the same CPU are lost; since Linux 6.7 they are
/// counted (<see cref="ProgramInfo.RecursionMisses"/>).
/// </summary>
internal sealed class TracepointLinks : ProbeLink
{
    private TracepointLinks(PerfEventHandles handles) : base("tracepoint", handles.Count, handles)
    {
    }

    /// <param name="program">Of type TracePoint, without an expected attach type. It reads no further than the shortest of the records: the kernel refuses it there.</param>
    /// <param name="tracepoints">Which, each once.</param>
    /// <param name="cookies">What bpf_get_attach_cookie gives at each (Linux 5.15); empty, or as many as tracepoints.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses one of them; those before it are detached again.</exception>
    internal static TracepointLinks Attach(BpfProgram program, ImmutableArray<TracepointFormat> tracepoints, ImmutableArray<ulong> cookies, SystemCalls sys)
    {
        if (tracepoints.IsDefaultOrEmpty || (!cookies.IsDefaultOrEmpty && cookies.Length != tracepoints.Length)
            || tracepoints.Select(static tracepoint => tracepoint.Id).Distinct().Count() != tracepoints.Length)
        {
            throw new ArgumentException("There are no tracepoints, or one is given twice, or there are not as many cookies.", nameof(tracepoints));
        }

        var cpu = CpuTopology.AnOnlineCpu(sys);
        return new(PerfEventHandles.OfSites(
            program, tracepoints.Length, site => Open(tracepoints[site], cpu, sys), site => cookies.IsDefaultOrEmpty ? 0 : cookies[site],
            (site, errno) => Refused(tracepoints[site], errno, sys), sys));
    }

    private static FileDescriptor Open(TracepointFormat tracepoint, int cpu, SystemCalls sys)
    {
        var attribute = new PerfEventAttribute { Type = PerfEventAttribute.Tracepoint, Config = (ulong)tracepoint.Id, SamplePeriod = 1, WakeupEvents = 1 };
        return KernelCall.PerfEvent(sys, ref attribute, -1, cpu, out var errno) ?? throw Refused(tracepoint, errno, sys);
    }

    private static KernelException Refused(TracepointFormat tracepoint, Errno errno, SystemCalls sys) => KernelErrors.Create(
        KernelOperation.Tracepoint, errno, $"{tracepoint.Group}:{tracepoint.Name}", sys,
        errno switch
        {
            Errno.EACCES => "Or the program reads beyond the tracepoint's record.",
            Errno.E2BIG => "A tracepoint takes at most 64 programs (BPF_TRACE_MAX_PROGS): detach some.",
            _ => null,
        });
}
