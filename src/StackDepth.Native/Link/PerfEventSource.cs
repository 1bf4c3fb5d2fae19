using StackDepth.Native.Targets;

namespace StackDepth.Native.Link;

/// <summary>
/// What a software perf event counts, and after how much of it the program runs. The program is of type PerfEvent; its context is <c>struct bpf_perf_event_data</c>: the registers of what was
/// interrupted (user's or kernel's), then the period and an address, 64 bits each.
/// </summary>
/// <param name="Name">As in messages: <c>profile at 99 Hz</c>.</param>
/// <param name="Config">perf_event_attr.config (<c>PERF_COUNT_SW_*</c>).</param>
/// <param name="Period">How many events to a run of the program; nanoseconds, where the event is a clock; runs a second with <paramref name="IsFrequency"/>.</param>
/// <param name="IsFrequency">Whether the period is a frequency.</param>
internal sealed record PerfEventSource(string Name, ulong Config, ulong Period, bool IsFrequency)
{
    /// <summary>PERF_COUNT_SW_CPU_CLOCK.</summary>
    private const ulong CpuClock = 0;

    /// <summary>perf's timers do not fire more often (<c>perf_swevent_start_hrtimer</c> in kernel/events/core.c).</summary>
    private const long LeastNanoseconds = 10_000;

    private static readonly (string Name, string? Alias, ulong Config)[] s_software =
    [
        ("cpu-clock", "cpu", CpuClock),
        ("task-clock", null, 1),
        ("page-faults", "faults", 2),
        ("context-switches", "cs", 3),
        ("cpu-migrations", "migrations", 4),
        ("minor-faults", null, 5),
        ("major-faults", null, 6),
        ("alignment-faults", null, 7),
        ("emulation-faults", null, 8),
        ("cgroup-switches", null, 11),
    ];

    /// <summary>The names that <see cref="Software"/> knows.</summary>
    internal static IEnumerable<string> SoftwareNames => s_software.Select(static row => row.Name);

    /// <summary>So many times a second on each CPU (its idle task included), or of each thread's time on a CPU.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not between 1 and 100,000.</exception>
    internal static PerfEventSource Profile(int hertz) => hertz is > 0 and <= (int)(1_000_000_000 / LeastNanoseconds)
        ? new PerfEventSource($"profile at {hertz} Hz", CpuClock, (ulong)hertz, IsFrequency: true)
        : throw new ArgumentOutOfRangeException(nameof(hertz), hertz, "A profile takes between 1 and 100000 samples a second.");

    /// <summary>Once in each interval; meant for one CPU.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Shorter than 10 microseconds.</exception>
    internal static PerfEventSource Interval(TimeSpan interval) => interval.Ticks >= LeastNanoseconds / TimeSpan.NanosecondsPerTick
        ? new PerfEventSource($"interval of {interval.TotalMilliseconds:0.###} ms", CpuClock, (ulong)Math.Min(interval.Ticks, long.MaxValue / TimeSpan.NanosecondsPerTick) * TimeSpan.NanosecondsPerTick, IsFrequency: false)
        : throw new ArgumentOutOfRangeException(nameof(interval), interval, "An interval is 10 microseconds at least.");

    /// <summary>At every <paramref name="period"/>-th event of a kind that perf calls so (<c>page-faults</c>, <c>context-switches</c>, <c>cs</c> ...); clocks count nanoseconds.</summary>
    /// <exception cref="TargetNotFoundException">No such kind; the message has near names.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A period of 0, or of more than 2^63 - 1.</exception>
    internal static PerfEventSource Software(string name, ulong period)
    {
        // The kernel refuses a period with the highest bit set.
        if (period is 0 or > long.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(period), period, "A period is between 1 and 2^63 - 1.");
        }

        foreach (var row in s_software)
        {
            if (row.Name == name || row.Alias == name)
            {
                return new PerfEventSource($"software event {row.Name} every {period}", row.Config, period, IsFrequency: false);
            }
        }

        var near = new NearMatches(name);
        foreach (var row in s_software)
        {
            near.Offer(row.Name);
        }

        var best = near.Best();
        throw new TargetNotFoundException(
            $"perf has no software event '{Elf.PrintableText.Escape(name)}'.{(best.IsEmpty ? "" : $" Did you mean {NearMatches.Join(best)}?")} There are {string.Join(", ", SoftwareNames)}.", best);
    }
}
