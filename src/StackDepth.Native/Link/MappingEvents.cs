using StackDepth.Native.Features;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Perf events, one for each CPU that is online, whose records tell of the executable mappings, forks, execs and exits of all processes. Each ends with its time (<see cref="BootClock"/>). Each record wakes: a ring that reaches
/// its watermark does, and that is one byte (__perf_output_begin). CPUs that come later are not watched.
/// </summary>
internal sealed class MappingEvents : IDisposable
{
    /// <summary>Some 250 mappings on a CPU before the reader has run.</summary>
    internal const int DefaultPages = 8;

    private readonly List<(FileDescriptor Event, PerfRing Ring)> _rings = [];
    private readonly EventPoller _poller;

    private MappingEvents(SystemCalls sys) => _poller = new(KernelOperation.MappingEvents, sys);

    /// <summary>How often a ring contradicted itself, and what was in it was skipped.</summary>
    internal long Garbled => _rings.Sum(static pair => pair.Ring.Garbled);

    /// <param name="sys">The kernel.</param>
    /// <param name="dataPages">The size of each CPU's ring: a power of two.</param>
    /// <exception cref="KernelException">The kernel refuses: it takes CAP_PERFMON, or kernel.perf_event_paranoid below 1.</exception>
    internal static MappingEvents Open(SystemCalls sys, int dataPages = DefaultPages)
    {
        var events = new MappingEvents(sys);
        try
        {
            var errno = Errno.ENODEV;
            foreach (var cpu in CpuTopology.OnlineCpus(sys))
            {
                // ENODEV: it went offline a moment ago.
                if (!events.TryAdd(cpu, dataPages, sys, out errno) && errno != Errno.ENODEV)
                {
                    throw KernelErrors.Create(KernelOperation.MappingEvents, errno, $"CPU {cpu}", sys);
                }
            }

            return events._rings.Count > 0 ? events : throw KernelErrors.Create(KernelOperation.MappingEvents, errno, "no CPU", sys);
        }
        catch
        {
            events.Dispose();
            throw;
        }
    }

    /// <summary>Gives the records of all CPUs to a sink; those of one CPU in their order.</summary>
    internal void Drain<TSink>(ref TSink sink)
        where TSink : struct, IRecordSink, allows ref struct
    {
        foreach (var (_, ring) in _rings)
        {
            ring.Drain(ref sink);
        }
    }

    /// <summary>Waits for records or <see cref="Wake"/>; may return without either.</summary>
    internal void Wait() => _poller.Wait();

    internal void Wake() => _poller.Wake();

    /// <summary>When nobody waits or drains any more.</summary>
    public void Dispose()
    {
        _poller.Dispose();
        foreach (var (perfEvent, ring) in _rings)
        {
            ring.Dispose();
            perfEvent.Dispose();
        }

        _rings.Clear();
    }

    private bool TryAdd(int cpu, int dataPages, SystemCalls sys, out Errno errno)
    {
        var attribute = new PerfEventAttribute
        {
            Type = PerfEventAttribute.Software,
            Config = PerfEventAttribute.DummyEvent,
            SampleType = PerfEventAttribute.SampleTime,
            ClockId = BootClock.Id,
            Flags = PerfEventAttribute.TimedRecords | PerfEventAttribute.Mappings | PerfEventAttribute.Execs | PerfEventAttribute.UserOnly | PerfEventAttribute.WakeByBytes,
            WakeupEvents = 1,
        };
        if (KernelCall.PerfEvent(sys, ref attribute, -1, cpu, out errno) is not { } perfEvent)
        {
            return false;
        }

        if (PerfRing.Map(perfEvent.Value, dataPages, sys, out errno) is not { } ring)
        {
            perfEvent.Dispose();
            return false;
        }

        _rings.Add((perfEvent, ring));
        _poller.Watch(perfEvent.Value);
        return true;
    }
}
