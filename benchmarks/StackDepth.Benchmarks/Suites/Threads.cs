using System.Diagnostics;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Sys;
using StackDepth.Native.Threads;
using StackDepth.Runtime;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What it takes to look at the stacks of all threads, with the unwind rows in memory.</summary>
internal static class Threads
{
    private const int Calls = 101;
    private const double Goal = 20;

    internal static Section Run()
    {
        var table = new Table("`Probe.Threads`, warm", "threads", "call, us", "a thread, us", "a thread, us of CPU");
        var machine = Measure(null);
        Add("all threads of the machine", machine);
        using (var shallow = new LineTarget(Sleepers.Command(200, 10)))
        {
            Sleepers.Wait(shallow.ProcessId, 200);
            Add("a process with 200 threads, 10 calls deep", Measure(shallow.ProcessId));
        }
        using (var deep = new LineTarget(Sleepers.Command(50, 400)))
        {
            Sleepers.Wait(deep.ProcessId, 50);
            Add("a process with 50 threads, 400 calls deep", Measure(deep.ProcessId));
        }
        return new("Threads", $"""
            Medians of {Calls} calls. Threads of Python that sleep, so many calls of a C function within each other. The machine's are what was there, {Probe.Threads().Count(static thread => thread.User == 0)} of them
            kernel threads, which have no user stack to walk.

            {table}
            Of a call for the whole machine: {Parts()}.

            Goal, a call for the whole machine within {Number(Goal)} us a thread: {Verdict(machine.Microseconds / machine.Threads <= Goal)}.
            """);

        void Add(string name, (double Threads, double Microseconds, double Processor) measured) =>
            table.Add(name, Number(measured.Threads), Number(measured.Microseconds), Number(measured.Microseconds / measured.Threads, 1), Number(measured.Processor / measured.Threads, 1));
    }

    private static (double Threads, double Microseconds, double Processor) Measure(int? pid)
    {
        List<double> threads = [], times = [], processor = [];
        for (var call = 0; call < Calls + 10; call++)
        {
            var cpu = Environment.CpuUsage.TotalTime;
            var start = Stopwatch.GetTimestamp();
            var seen = Probe.Threads(pid);
            var time = Stopwatch.GetElapsedTime(start);
            // The first calls load rows and compile.
            if (call < 10)
                continue;
            threads.Add(seen.Count);
            times.Add(time.TotalMicroseconds);
            processor.Add((Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds);
        }
        return (threads.Median(), times.Median(), processor.Median());
    }

    private static string Parts()
    {
        using var reader = new ThreadReader(KernelTypes.Fields!, KernelTypes.Threads!, SystemCalls.Real);
        return string.Join(", ",
        [
            Part("registers, kernel stacks and tops of stacks", () => reader.Sample(TaskScope.All)),
            Part("mappings", () => reader.Mappings(TaskScope.All)),
            Part("the look at who ran meanwhile", () => reader.Check(TaskScope.All)),
            Part("to load the programs, which is done once,", static () =>
            {
                using var loaded = new ThreadReader(KernelTypes.Fields!, KernelTypes.Threads!, SystemCalls.Real);
            }),
        ]);

        static string Part(string name, Action act)
        {
            List<double> times = [];
            for (var call = 0; call < Calls; call++)
            {
                var start = Stopwatch.GetTimestamp();
                act();
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
            return $"{name} {Number(times.Median())} us";
        }
    }
}
