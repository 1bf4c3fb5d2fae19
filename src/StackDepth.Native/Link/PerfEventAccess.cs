using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>Whether this process may count on whole CPUs, which needs CAP_PERFMON, or kernel.perf_event_paranoid at 0 or below.</summary>
internal static class PerfEventAccess
{
    /// <summary>The kernel's answer to a timer on one CPU, which is never started and is closed at once.</summary>
    internal static Errno ToCpus(SystemCalls sys)
    {
        var attribute = new PerfEventAttribute
        {
            Type = PerfEventAttribute.Software,
            Config = PerfEventSource.Profile(1).Config,
            SamplePeriod = 1,
            Flags = PerfEventAttribute.Disabled | PerfEventAttribute.Frequency,
        };
        using var opened = KernelCall.PerfEvent(sys, ref attribute, -1, CpuTopology.OnlineCpus(sys)[0], out var errno);
        return errno;
    }
}
