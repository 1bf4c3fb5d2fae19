using System.Globalization;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// A program at a software perf event: a timer, page faults, context switches. All of its events begin together, when all are open. While another BPF program of a kprobe, a tracepoint or a perf
/// event runs on the same CPU, the program does not run, and nothing counts that (<c>bpf_overflow_handler</c> in kernel/events/core.c).
/// </summary>
internal sealed class PerfEventLinks : ProbeLink
{
    private PerfEventLinks(PerfEventHandles handles) : base("perf event", handles.Count, handles)
    {
    }

    /// <param name="program">Of type PerfEvent, without an expected attach type; it returns 0.</param>
    /// <param name="source">What is counted.</param>
    /// <param name="scope">On what.</param>
    /// <param name="cookie">What bpf_get_attach_cookie gives (Linux 5.15); 0 for none, as it has to be for a process.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    /// <exception cref="ArgumentException">A cookie for a process.</exception>
    internal static PerfEventLinks Attach(BpfProgram program, PerfEventSource source, PerfEventScope scope, ulong cookie, SystemCalls sys)
    {
        if (scope.Pid != 0 && cookie != 0)
        {
            throw new ArgumentException("Events of a process have no cookies: the kernel would give them to some of its threads.", nameof(cookie));
        }

        var handles = scope.Pid != 0 ? ProcessPerfEvents.Open(program, source, scope, sys) : OnCpus(program, source, scope, cookie, sys);
        try
        {
            // A thread that has ended answers as the others do.
            foreach (var perfEvent in handles.Events)
            {
                if (sys.Ioctl(perfEvent.Value, PerfEventAttribute.Enable, 0) is < 0 and var result)
                {
                    throw Refused(KernelOperation.PerfEvent, source, scope, (Errno)(-result), sys);
                }
            }

            return new PerfEventLinks(handles);
        }
        catch
        {
            handles.Dispose();
            throw;
        }
    }

    /// <summary>Opens one event, disabled, and ties the program to it; the kernel's answer to the first of the two that it refuses.</summary>
    internal static Errno Add(PerfEventHandles handles, BpfProgram program, PerfEventSource source, ulong flags, int pid, int cpu, ulong cookie, SystemCalls sys, out bool opened)
    {
        var attribute = new PerfEventAttribute
        {
            Type = PerfEventAttribute.Software,
            Config = source.Config,
            SamplePeriod = source.Period,
            Flags = PerfEventAttribute.Disabled | flags | (source.IsFrequency ? PerfEventAttribute.Frequency : 0),
        };
        opened = KernelCall.PerfEvent(sys, ref attribute, pid, cpu, out var errno) is { } perfEvent && Own(perfEvent);
        return opened ? handles.Attach(program, cookie, sys) : errno;

        bool Own(FileDescriptor descriptor)
        {
            handles.Add(descriptor);
            return true;
        }
    }

    internal static KernelException Refused(KernelOperation operation, PerfEventSource source, PerfEventScope scope, Errno errno, SystemCalls sys, string? detail = null) =>
        KernelErrors.Create(operation, errno, $"{source.Name} on {scope}", sys, detail ?? Diagnose(source, scope, errno, sys));

    private static PerfEventHandles OnCpus(BpfProgram program, PerfEventSource source, PerfEventScope scope, ulong cookie, SystemCalls sys)
    {
        var handles = new PerfEventHandles();
        try
        {
            var errno = Errno.ENODEV;
            foreach (var cpu in scope.Cpu >= 0 ? [scope.Cpu] : CpuTopology.OnlineCpus(sys))
            {
                // ENODEV: it went offline a moment ago.
                errno = Add(handles, program, source, 0, -1, cpu, cookie, sys, out var opened);
                if (errno != Errno.None && (opened || errno != Errno.ENODEV))
                {
                    throw Refused(opened ? KernelOperation.PerfEventProgram : KernelOperation.PerfEvent, source, PerfEventScope.OneCpu(cpu), errno, sys);
                }
            }

            return handles.Count > 0 ? handles : throw Refused(KernelOperation.PerfEvent, source, scope, errno, sys);
        }
        catch
        {
            handles.Dispose();
            throw;
        }
    }

    private static string? Diagnose(PerfEventSource source, PerfEventScope scope, Errno errno, SystemCalls sys) => errno switch
    {
        // A CPU that the machine can never have is an invalid argument.
        Errno.ENODEV or Errno.EINVAL when scope.Cpu >= 0 && !CpuTopology.OnlineCpus(sys).Contains(scope.Cpu) =>
            $"The CPU is not online: /sys/devices/system/cpu/online has those that are ({sys.ReadText("/sys/devices/system/cpu/online")?.Trim()}).",
        Errno.EINVAL when source.IsFrequency && ProcText.Number(sys.ReadText("/proc/sys/kernel/perf_event_max_sample_rate")) is { } most && source.Period > (ulong)most =>
            $"kernel.perf_event_max_sample_rate allows {most.ToString(CultureInfo.InvariantCulture)} samples a second: ask for fewer, or raise it (`sysctl kernel.perf_event_max_sample_rate`).",
        Errno.ESRCH => "The process has ended, or is not in this pid namespace.",
        _ => null,
    };
}
