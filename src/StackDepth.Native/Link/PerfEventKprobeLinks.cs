using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>One perf event per function: the way before kprobe_multi, and the one for instructions within functions and for functions that ftrace leaves out.</summary>
internal sealed unsafe class PerfEventKprobeLinks : ProbeLink
{
    private PerfEventKprobeLinks(PerfEventHandles handles) : base("perf event", handles.Count, handles)
    {
    }

    /// <param name="program">Loaded without an expected attach type.</param>
    /// <param name="request">Where.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses one of the sites; those before it are detached again.</exception>
    internal static PerfEventKprobeLinks Attach(BpfProgram program, KprobeRequest request, SystemCalls sys)
    {
        request.Validate();
        var pmu = ProbePmu.OfKprobes(sys);

        // Tied to a CPU in perf's terms only: the program runs on all of them.
        var cpu = CpuTopology.AnOnlineCpu(sys);
        return new(PerfEventHandles.OfSites(
            program, request.Functions.Length, site => Open(pmu, request, site, cpu, sys), request.CookieAt,
            (site, errno) => Refused(KernelOperation.KprobeEventLink, request, site, errno, sys, null), sys));
    }

    private static FileDescriptor Open(ProbePmu pmu, KprobeRequest request, int site, int cpu, SystemCalls sys)
    {
        var function = request.Functions[site];
        fixed (byte* name = Encoding.UTF8.GetBytes(function.Name + "\0"))
        {
            // By its address where that is known: since 6.7 the kernel refuses names that several functions have, and before it takes the first.
            var attribute = new PerfEventAttribute
            {
                Type = pmu.Type,
                Config = request.IsReturn ? 1UL << pmu.ReturnBit : 0,
                SamplePeriod = 1,
                WakeupEvents = 1,
                KprobeFunction = function.Address == 0 ? (ulong)name : 0,
                KprobeAddress = function.Address + request.Offset,
            };
            var handle = KernelCall.PerfEvent(sys, ref attribute, -1, cpu, out var errno);
            return handle ?? throw Refused(KernelOperation.KprobeEvent, request, site, errno, sys, KprobeDiagnosis.Explain(request, site, errno, sys));
        }
    }

    private static KernelException Refused(KernelOperation operation, KprobeRequest request, int site, Errno errno, SystemCalls sys, string? diagnosis)
    {
        var name = (request with { Functions = [request.Functions[site]] }).Describe();
        return KernelErrors.Create(
            operation, errno, request.Functions.Length == 1 ? name : $"{name}, number {site + 1} of {request.Functions.Length}", sys, diagnosis);
    }
}
