using System.Globalization;

namespace StackDepth.Native.Sys;

/// <summary>CLOCK_BOOTTIME as the kernel keeps it, in ns: the clock of <c>task_struct.start_boottime</c>, of <c>bpf_ktime_get_boot_ns</c> and of <see cref="Link.MappingEvents"/>.</summary>
internal static unsafe class BootClock
{
    /// <summary>CLOCK_BOOTTIME.</summary>
    internal const int Id = 7;

    private const long NanosecondsPerSecond = 1_000_000_000;

    // USER_HZ, a constant of the ABI on x86-64 and arm64.
    private const long NanosecondsPerTick = NanosecondsPerSecond / 100;

    // What a process in a time namespace is shown is later by this (time_namespaces(7)); /proc/PID/stat's start time too, by the reader's namespace.
    private static readonly long s_shift = ReadShift();

    internal static long Now
    {
        get
        {
            var time = stackalloc long[2];
            return LibC.ClockGetTime(Id, time) == 0 ? (time[0] * NanosecondsPerSecond) + time[1] - s_shift : throw new InvalidOperationException("The kernel has no CLOCK_BOOTTIME.");
        }
    }

    /// <summary>A time in clock ticks, as <c>/proc/PID/stat</c> has it.</summary>
    internal static ulong Ticks(long time) => (ulong)Math.Max(time + s_shift, 0) / NanosecondsPerTick;

    /// <summary>The text of <c>/proc/PID/timens_offsets</c>: a clock's name, seconds and nanoseconds a line.</summary>
    internal static long ParseShift(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            if (line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["boottime", var seconds, var rest]
                && long.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                && long.TryParse(rest, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var nanoseconds))
            {
                return (whole * NanosecondsPerSecond) + nanoseconds;
            }
        }

        return 0;
    }

    // A kernel without time namespaces has no such file.
    private static long ReadShift()
    {
        try
        {
            return ParseShift(File.ReadAllText("/proc/self/timens_offsets"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
