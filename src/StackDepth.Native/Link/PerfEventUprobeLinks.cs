using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// One perf event per site: the way before uprobe_multi. Detaching takes the kernel tens of milliseconds for each site, and CAP_SYS_ADMIN is needed.
/// </summary>
internal sealed unsafe class PerfEventUprobeLinks : IProbeLink
{
    private readonly List<FileDescriptor> _handles;

    private PerfEventUprobeLinks(List<FileDescriptor> handles, int siteCount)
    {
        _handles = handles;
        SiteCount = siteCount;
    }

    public string Kind => "perf event";

    public int SiteCount { get; }

    /// <param name="program">Loaded without an expected attach type.</param>
    /// <param name="request">Where. With a pid, the kernel probes as long as the process's first thread lives.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses one of the sites; those before it are detached again.</exception>
    internal static PerfEventUprobeLinks Attach(BpfProgram program, UprobeRequest request, SystemCalls sys)
    {
        request.Validate();
        var pmu = UprobePmu.Read(sys);

        // A probe of all processes is tied to a CPU in perf's terms only: the program runs on all of them. It has to be one that is online.
        var cpu = request.Pid == 0 ? CpuTopology.AnOnlineCpu(sys) : -1;
        var handles = new List<FileDescriptor>(request.Offsets.Length * 2);
        try
        {
            var path = Encoding.UTF8.GetBytes(request.AttachPath + "\0");
            for (var site = 0; site < request.Offsets.Length; site++)
            {
                var perfEvent = Open(pmu, path, request, site, cpu, sys);
                handles.Add(perfEvent);
                if (Link(program, perfEvent, request, site, sys) is { } link)
                {
                    handles.Add(link);
                }
            }

            return new PerfEventUprobeLinks(handles, request.Offsets.Length);
        }
        catch
        {
            Close(handles);
            throw;
        }
    }

    /// <summary>Detaches all sites. Idempotent.</summary>
    public void Dispose() => Close(_handles);

    private static FileDescriptor Open(UprobePmu pmu, byte[] path, UprobeRequest request, int site, int cpu, SystemCalls sys)
    {
        fixed (byte* pathPointer = path)
        {
            var attribute = new PerfEventAttribute
            {
                Type = pmu.Type,
                Config = request.IsReturn ? 1UL << pmu.ReturnBit : 0,
                SamplePeriod = 1,
                WakeupEvents = 1,
                UprobePath = (ulong)pathPointer,
                ProbeOffset = request.Offsets[site],
            };
            var handle = KernelCall.PerfEvent(sys, ref attribute, request.Pid == 0 ? -1 : request.Pid, cpu, out var errno);
            return handle ?? throw Refused(KernelOperation.UprobeEvent, request, site, errno, sys, UprobeDiagnosis.Explain(request, errno, sys));
        }
    }

    /// <summary>Attaches by a BPF link (5.15), or by ioctl where there is none and no cookie is asked for; null for the latter.</summary>
    private static FileDescriptor? Link(BpfProgram program, FileDescriptor perfEvent, UprobeRequest request, int site, SystemCalls sys)
    {
        using var programFd = program.Handle.Borrow();
        var attribute = new PerfEventLinkAttribute
        {
            ProgramFd = (uint)programFd.Value,
            TargetFd = (uint)perfEvent.Value,
            AttachType = (uint)AttachType.PerfEvent,
            Cookie = request.CookieAt(site),
        };
        var link = KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out var errno);
        if (link is not null)
        {
            return link;
        }

        if (errno is not (Errno.EINVAL or Errno.EOPNOTSUPP) || request.CookieAt(site) != 0)
        {
            throw Refused(KernelOperation.UprobeEventLink, request, site, errno, sys, null);
        }

        var result = sys.Ioctl(perfEvent.Value, PerfEventAttribute.SetBpf, programFd.Value);
        return result >= 0 ? null : throw Refused(KernelOperation.UprobeEventLink, request, site, (Errno)(-result), sys, null);
    }

    private static KernelException Refused(KernelOperation operation, UprobeRequest request, int site, Errno errno, SystemCalls sys, string? diagnosis) =>
        KernelErrors.Create(operation, errno, $"site {site + 1} of {request.Describe()}, at offset 0x{request.Offsets[site]:x}", sys, diagnosis);

    private static void Close(List<FileDescriptor> handles)
    {
        foreach (var handle in handles)
        {
            handle.Dispose();
        }
    }
}
