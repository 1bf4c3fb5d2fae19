using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Perf events: the way before uprobe_multi. It takes CAP_SYS_ADMIN. One event is at all sites where the program does not ask for its cookie, and tracefs can define it
/// (<see cref="SharedUprobeEvent"/>); else there is one per site, and detaching takes long (<see cref="PerfEventHandles"/>).
/// </summary>
internal sealed unsafe class PerfEventUprobeLinks : ProbeLink
{
    private PerfEventUprobeLinks(int siteCount, IDisposable handles) : base("perf event", siteCount, handles)
    {
    }

    /// <param name="program">Loaded without an expected attach type.</param>
    /// <param name="request">Where. With a pid, the kernel probes as long as the process's first thread lives.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses one of the sites; those before it are detached again.</exception>
    internal static PerfEventUprobeLinks Attach(BpfProgram program, UprobeRequest request, SystemCalls sys)
    {
        request.Validate();

        // What stands in the way of one event for all, the events of the sites show too, and say at which.
        return request.Offsets.Length > 1 && !program.Spec.UsesCookie && SharedUprobeLink.TryAttach(program, request, Cpu(request, sys), sys) is { } shared
            ? new(request.Offsets.Length, shared)
            : AtEachSite(program, request, sys);
    }

    private static PerfEventUprobeLinks AtEachSite(BpfProgram program, UprobeRequest request, SystemCalls sys)
    {
        var pmu = ProbePmu.OfUprobes(sys);
        var cpu = Cpu(request, sys);
        var path = Encoding.UTF8.GetBytes(request.AttachPath + "\0");
        return new(request.Offsets.Length, PerfEventHandles.OfSites(
            program, request.Offsets.Length, site => Open(pmu, path, request, site, cpu, sys), request.CookieAt,
            (site, errno) => Refused(KernelOperation.UprobeEventLink, request, site, errno, sys, null), sys));
    }

    // A probe of all processes is tied to a CPU in perf's terms only: the program runs on all of them. It has to be one that is online.
    private static int Cpu(UprobeRequest request, SystemCalls sys) => request.Pid == 0 ? CpuTopology.AnOnlineCpu(sys) : -1;

    private static FileDescriptor Open(ProbePmu pmu, byte[] path, UprobeRequest request, int site, int cpu, SystemCalls sys)
    {
        fixed (byte* pathPointer = path)
        {
            var attribute = new PerfEventAttribute
            {
                Type = pmu.Type,
                Config = (request.IsReturn ? 1UL << pmu.ReturnBit : 0) | ReferenceCounter(pmu, request, site, sys),
                SamplePeriod = 1,
                WakeupEvents = 1,
                UprobePath = (ulong)pathPointer,
                ProbeOffset = request.Offsets[site],
            };
            var handle = KernelCall.PerfEvent(sys, ref attribute, request.Pid == 0 ? -1 : request.Pid, cpu, out var errno);
            return handle ?? throw Refused(KernelOperation.UprobeEvent, request, site, errno, sys, UprobeDiagnosis.Explain(request, errno, sys));
        }
    }

    private static ulong ReferenceCounter(ProbePmu pmu, UprobeRequest request, int site, SystemCalls sys)
    {
        var offset = request.ReferenceCounterAt(site);
        return offset == 0 ? 0
            : offset > uint.MaxValue ? throw Refused(
                KernelOperation.UprobeEvent, request, site, Errno.EINVAL, sys, $"The semaphore is at file offset 0x{offset:x}, and a perf event takes no offset beyond 4 GiB: a uprobe_multi link (Linux 6.6) does.")
            : pmu.ReferenceCounterBit is { } bit ? offset << bit
            : throw Refused(KernelOperation.UprobeEvent, request, site, Errno.EOPNOTSUPP, sys, "The probe has a semaphore, which the kernel raises only since Linux 4.20.");
    }

    private static KernelException Refused(KernelOperation operation, UprobeRequest request, int site, Errno errno, SystemCalls sys, string? diagnosis) =>
        KernelErrors.Create(operation, errno, $"site {site + 1} of {request.Describe()}, at offset 0x{request.Offsets[site]:x}", sys, diagnosis);
}
