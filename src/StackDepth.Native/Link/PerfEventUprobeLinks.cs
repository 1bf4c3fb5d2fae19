using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// One perf event per site: the way before uprobe_multi. It takes CAP_SYS_ADMIN, and detaching takes long.
/// </summary>
/// <remarks>
/// Detaching, measured for 64 sites on Linux 6.18: closing the BPF links waits for an RCU grace period each, which threads share (2,245 ms by one thread, 87 ms by
/// 32); closing the events waits for one each while it holds the kernel's event_mutex, so they go one after the other however many threads there are (some 90 ms
/// each). The links go first: from then on nothing is counted any more, while the target still runs into the breakpoints that are left.
/// </remarks>
internal sealed unsafe class PerfEventUprobeLinks : IProbeLink
{
    private const int ClosingThreads = 32;

    private readonly List<FileDescriptor> _events;
    private readonly List<FileDescriptor> _links;

    private PerfEventUprobeLinks(List<FileDescriptor> events, List<FileDescriptor> links)
    {
        _events = events;
        _links = links;
    }

    public string Kind => "perf event";

    public int SiteCount => _events.Count;

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
        var events = new List<FileDescriptor>(request.Offsets.Length);
        var links = new List<FileDescriptor>(request.Offsets.Length);
        try
        {
            var path = Encoding.UTF8.GetBytes(request.AttachPath + "\0");
            for (var site = 0; site < request.Offsets.Length; site++)
            {
                var perfEvent = Open(pmu, path, request, site, cpu, sys);
                events.Add(perfEvent);
                if (Link(program, perfEvent, request, site, sys) is { } link)
                {
                    links.Add(link);
                }
            }

            return new PerfEventUprobeLinks(events, links);
        }
        catch
        {
            Close(events, links);
            throw;
        }
    }

    /// <summary>Detaches all sites and waits for it. Idempotent.</summary>
    public void Dispose() => Close(_events, _links);

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

    internal static void Close(List<FileDescriptor> events, List<FileDescriptor> links)
    {
        // Threads of its own: the pool would start them only one by one while they all wait.
        var next = -1;
        var threads = new Thread[Math.Min(links.Count, ClosingThreads) is > 1 and var count ? count - 1 : 0];
        void CloseLinks()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < links.Count;)
            {
                links[i].Dispose();
            }
        }

        for (var i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(CloseLinks, maxStackSize: 256 * 1024) { IsBackground = true, Name = "StackDepth detach" };
            threads[i].Start();
        }

        CloseLinks();
        foreach (var thread in threads)
        {
            thread.Join();
        }

        foreach (var handle in events)
        {
            handle.Dispose();
        }
    }
}
