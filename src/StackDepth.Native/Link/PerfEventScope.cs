namespace StackDepth.Native.Link;

/// <summary>On what a perf event counts.</summary>
/// <param name="Cpu">A CPU that is online; -1 for any.</param>
/// <param name="Pid">A process; 0 for all.</param>
/// <param name="WithDescendants">Whether processes count too that the process makes from now on.</param>
internal readonly record struct PerfEventScope(int Cpu, int Pid, bool WithDescendants)
{
    /// <summary>An event on each CPU that is online now, whatever runs there: a CPU that comes online later is not watched.</summary>
    internal static PerfEventScope AllCpus => new(-1, 0, false);

    /// <summary>One event, on one CPU.</summary>
    internal static PerfEventScope OneCpu(int cpu) => new(cpu, 0, false);

    /// <summary>
    /// All threads of a process, also those that it makes later: an event for each thread, which threads made by it inherit. There are no cookies: the kernel does not pass them on to the events
    /// that are inherited, and exchanges those with the first ones when it switches between their threads (<c>perf_event_context_sched_out</c>). Before Linux 5.13 child processes are watched
    /// too, whether or not they are asked for.
    /// </summary>
    internal static PerfEventScope Process(int pid, bool withDescendants = false) => new(-1, pid, withDescendants);

    public override string ToString() => Pid != 0 ? $"process {Pid}" : Cpu >= 0 ? $"CPU {Cpu}" : "all CPUs";
}
