using System.Globalization;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Perf events for all threads of a running process. An event is one thread's; threads that it makes inherit it, once its program is attached. So a thread that is new in a second look was made
/// meanwhile, by a thread that had its event or by one that did not, and the kernel does not say which: to open an event for it would count it twice in the one case, and not to would miss it in the
/// other. Then all begins anew, until nothing changes from before the first event to after the last.
/// </summary>
internal static class ProcessPerfEvents
{
    private const int MostAttempts = 20;

    internal static PerfEventHandles Open(BpfProgram program, PerfEventSource source, PerfEventScope scope, SystemCalls sys)
    {
        for (var attempt = 1; ; attempt++)
        {
            var before = Threads(scope.Pid);
            var handles = OpenEach(before, program, source, scope, sys);
            if (Threads(scope.Pid).IsSubsetOf(before))
            {
                if (handles.Count > 0)
                {
                    return handles;
                }

                throw PerfEventLinks.Refused(KernelOperation.PerfEvent, source, scope, Errno.ESRCH, sys);
            }

            handles.Dispose();
            if (attempt == MostAttempts)
            {
                const string remedy = "Watch all CPUs instead, with a predicate on the process.";
                throw new KernelException(
                    $"Could not watch all threads of process {scope.Pid}: it made new ones during each of {MostAttempts} attempts. {remedy}", Errno.EAGAIN, KernelOperation.PerfEvent.Name, remedy);
            }
        }
    }

    private static PerfEventHandles OpenEach(HashSet<int> threads, BpfProgram program, PerfEventSource source, PerfEventScope scope, SystemCalls sys)
    {
        var flags = PerfEventAttribute.Inherit | (scope.WithDescendants ? 0 : PerfEventAttribute.InheritThread);
        var handles = new PerfEventHandles();
        try
        {
            foreach (var thread in threads)
            {
                var errno = PerfEventLinks.Add(handles, program, source, flags, thread, -1, cookie: 0, sys, out var opened);
                if (errno == Errno.EINVAL && !opened && (flags & PerfEventAttribute.InheritThread) != 0)
                {
                    // Before Linux 5.13 the bit is reserved.
                    errno = PerfEventLinks.Add(handles, program, source, flags & ~PerfEventAttribute.InheritThread, thread, -1, cookie: 0, sys, out opened);
                    flags = errno == Errno.None ? flags & ~PerfEventAttribute.InheritThread : flags;
                }

                // ESRCH: it ended a moment ago.
                if (errno != Errno.None && (opened || errno != Errno.ESRCH))
                {
                    throw PerfEventLinks.Refused(opened ? KernelOperation.PerfEventProgram : KernelOperation.PerfEvent, source, scope, errno, sys);
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

    private static HashSet<int> Threads(int pid)
    {
        var threads = new HashSet<int>();
        try
        {
            foreach (var path in Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task")))
            {
                if (int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var thread))
                {
                    threads.Add(thread);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            threads.Clear(); // the process has ended, which the caller says
        }

        return threads;
    }
}
