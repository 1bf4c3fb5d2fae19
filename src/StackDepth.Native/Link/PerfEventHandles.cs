using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Perf events and the BPF links that tie a program to them, closed together. Not thread-safe while it is filled.
/// </summary>
/// <remarks>
/// Detaching, measured for 64 uprobes on Linux 6.18: closing the BPF links waits for an RCU grace period each, which threads share (2,245 ms by one thread, 87 ms by
/// 32); closing the events waits for one each while it holds the kernel's event_mutex (perf_uprobe_destroy in kernel/trace/trace_event_perf.c), so they go one after the
/// other however many threads there are (some 75 ms each, and as long by 16 threads as by one). The links go first: from then on nothing is counted any more, while the target still runs into the breakpoints that are left.
/// </remarks>
internal sealed class PerfEventHandles : IDisposable
{
    private const int ClosingThreads = 32;

    private readonly List<FileDescriptor> _events = [];
    private readonly List<FileDescriptor> _links = [];

    internal int Count => _events.Count;

    /// <summary>The events, in the order in which they were added.</summary>
    internal IReadOnlyList<FileDescriptor> Events => _events;

    /// <summary>An event for each site, with the program tied to it; where one is refused, those before it are closed again.</summary>
    /// <param name="program">The program.</param>
    /// <param name="sites">How many sites.</param>
    /// <param name="open">Opens the event of a site, or throws.</param>
    /// <param name="cookie">What bpf_get_attach_cookie gives at a site; 0 for none.</param>
    /// <param name="refused">The error of an event that the program cannot be tied to.</param>
    /// <param name="sys">The kernel.</param>
    internal static PerfEventHandles OfSites(
        BpfProgram program, int sites, Func<int, FileDescriptor> open, Func<int, ulong> cookie, Func<int, Errno, KernelException> refused, SystemCalls sys)
    {
        var handles = new PerfEventHandles();
        try
        {
            for (var site = 0; site < sites; site++)
            {
                handles.Add(open(site));
                if (handles.Attach(program, cookie(site), sys) is not Errno.None and var errno)
                {
                    throw refused(site, errno);
                }
            }

            return handles;
        }
        catch
        {
            handles.Dispose();
            throw;
        }
    }

    /// <summary>Owns an event from now on.</summary>
    internal void Add(FileDescriptor perfEvent) => _events.Add(perfEvent);

    /// <summary>Ties the program to the event that was added last: by a BPF link (5.15), or by ioctl where there is none and no cookie is asked for.</summary>
    /// <returns>The kernel's answer.</returns>
    internal unsafe Errno Attach(BpfProgram program, ulong cookie, SystemCalls sys)
    {
        using var programFd = program.Handle.Borrow();
        var perfEvent = _events[^1];
        var attribute = new LinkCreateAttribute
        {
            ProgramFd = (uint)programFd.Value,
            TargetFd = (uint)perfEvent.Value,
            AttachType = (uint)AttachType.PerfEvent,
            PerfEvent = new() { Cookie = cookie },
        };
        if (KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out var errno) is { } link)
        {
            _links.Add(link);
            return Errno.None;
        }

        return errno is Errno.EINVAL or Errno.EOPNOTSUPP && cookie == 0
            ? (Errno)(-Math.Min(0, sys.Ioctl(perfEvent.Value, PerfEventAttribute.SetBpf, programFd.Value)))
            : errno;
    }

    /// <summary>Detaches all and waits for it. Idempotent.</summary>
    public void Dispose()
    {
        // Threads of its own: the pool would start them only one by one while they all wait.
        var next = -1;
        var threads = new Thread[Math.Min(_links.Count, ClosingThreads) is > 1 and var count ? count - 1 : 0];
        void CloseLinks()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < _links.Count;)
            {
                _links[i].Dispose();
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

        foreach (var handle in _events)
        {
            handle.Dispose();
        }
    }
}
