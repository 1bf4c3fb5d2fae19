using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed class PerfEventTests
{
    private static readonly SystemCalls Sys = SystemCalls.Real;

    [Fact]
    public void A_profile_of_a_process_samples_each_of_its_threads_and_those_made_later_but_no_other_process()
    {
        Requires.Bpf();
        using var target = new PerfEventTarget();
        using var other = new PerfEventTarget();
        var spinning = target.Spin(2).ToHashSet();
        other.Spin(1);
        using var counts = new ThreadCounts(ProgramType.PerfEvent);
        using (var links = PerfEventLinks.Attach(counts.Program, PerfEventSource.Profile(499), PerfEventScope.Process(target.Pid), 0, Sys))
        {
            Assert.Equal(3, links.SiteCount);
            ThreadCounts.Until(() => spinning.IsSubsetOf(counts.Threads(target.Pid)), "samples of the threads that there were");
            var child = target.Fork();
            spinning.UnionWith(target.Spin(2));
            ThreadCounts.Until(() => spinning.IsSubsetOf(counts.Threads(target.Pid)), "samples of the threads made later");
            var before = counts.Of(target.Pid);
            ThreadCounts.Until(() => counts.Of(target.Pid) >= before + 200, "200 samples more");
            Assert.Equal([target.Pid], counts.Read().Keys.Select(static key => key.Process).Distinct());
            Assert.NotEqual(target.Pid, child);
        }

        // Detached, in the threads that inherited it too.
        var after = counts.Of(target.Pid);
        using var again = new ThreadCounts(ProgramType.PerfEvent);
        using (PerfEventLinks.Attach(again.Program, PerfEventSource.Profile(499), PerfEventScope.Process(target.Pid), 0, Sys))
        {
            ThreadCounts.Until(() => again.Of(target.Pid) >= 50, "samples by another program");
        }

        Assert.Equal(after, counts.Of(target.Pid));
    }

    [Fact]
    public void Descendants_are_watched_where_they_are_asked_for()
    {
        Requires.Bpf();
        using var target = new PerfEventTarget();
        using var counts = new ThreadCounts(ProgramType.PerfEvent);
        using (PerfEventLinks.Attach(counts.Program, PerfEventSource.Profile(499), PerfEventScope.Process(target.Pid, withDescendants: true), 0, Sys))
        {
            var child = target.Fork();
            ThreadCounts.Until(() => counts.Of(child) >= 10, "samples of the child");
        }
    }

    [Fact]
    public void A_profile_of_all_cpus_runs_on_each_that_is_online()
    {
        Requires.Bpf();
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using var program = BpfProgram.Load(CountingProgram.Build(ProgramType.PerfEvent, byCookie: true), maps, Sys);
        var cpus = CpuTopology.OnlineCpus(Sys);
        using var links = PerfEventLinks.Attach(program, PerfEventSource.Profile(99), PerfEventScope.AllCpus, 5, Sys);
        Assert.Equal(cpus.Count, links.SiteCount);
        ThreadCounts.Until(() => cpus.TrueForAll(cpu => counts.ReadPerCpu<ulong>(5)[cpu] >= 5), "5 samples on each CPU");
    }

    [Fact]
    public void An_interval_runs_on_its_cpu_alone_and_ends_with_its_link()
    {
        Requires.Bpf();
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using var program = BpfProgram.Load(CountingProgram.Build(ProgramType.PerfEvent, byCookie: true), maps, Sys);
        var cpu = CpuTopology.OnlineCpus(Sys)[^1];
        using (PerfEventLinks.Attach(program, PerfEventSource.Interval(TimeSpan.FromMilliseconds(5)), PerfEventScope.OneCpu(cpu), 3, Sys))
        {
            ThreadCounts.Until(() => counts.SumPerCpu<ulong>(3) >= 10, "10 intervals");
        }

        var values = counts.ReadPerCpu<ulong>(3);
        Assert.Equal([cpu], Enumerable.Range(0, values.Length).Where(i => values[i] > 0));
        using (PerfEventLinks.Attach(program, PerfEventSource.Interval(TimeSpan.FromMilliseconds(5)), PerfEventScope.OneCpu(cpu), 4, Sys))
        {
            ThreadCounts.Until(() => counts.SumPerCpu<ulong>(4) >= 10, "10 intervals more");
        }

        Assert.Equal(values, counts.ReadPerCpu<ulong>(3));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public void Minor_faults_are_counted_as_the_process_itself_counts_them(int period)
    {
        Requires.Bpf();
        using var target = new PerfEventTarget();
        target.Touch(1);
        target.MinorFaults();
        using var counts = new ThreadCounts(ProgramType.PerfEvent);
        using (PerfEventLinks.Attach(counts.Program, PerfEventSource.Software("minor-faults", (ulong)period), PerfEventScope.Process(target.Pid), 0, Sys))
        {
            var before = target.MinorFaults();
            target.Touch(5000);
            var faults = target.MinorFaults() - before;
            Assert.InRange(faults, 5000, 6000);
            Assert.Equal(faults / period, (double)counts.Of(target.Pid), 1.0);
        }
    }

    [Fact]
    public void Every_software_event_opens()
    {
        Requires.Bpf();
        using var counts = new ThreadCounts(ProgramType.PerfEvent);
        foreach (var name in PerfEventSource.SoftwareNames)
        {
            if (name == "cgroup-switches" && KernelProfile.Detect(Sys).Release < new Version(5, 13))
            {
                continue;
            }

            using var links = PerfEventLinks.Attach(counts.Program, PerfEventSource.Software(name, 1_000_000), PerfEventScope.AllCpus, 0, Sys);
            Assert.True(links.SiteCount > 0, name);
        }

        Assert.Equal(PerfEventSource.Software("context-switches", 1), PerfEventSource.Software("cs", 1));
        var error = Assert.Throws<TargetNotFoundException>(() => PerfEventSource.Software("page-fault", 1));
        Assert.Contains("'page-faults'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_is_refused_with_what_to_do()
    {
        Requires.Bpf();
        Assert.Throws<ArgumentOutOfRangeException>(() => PerfEventSource.Profile(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => PerfEventSource.Interval(TimeSpan.FromMicroseconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => PerfEventSource.Software("cs", 0));
        using var counts = new ThreadCounts(ProgramType.PerfEvent);
        Assert.Throws<ArgumentException>(() => PerfEventLinks.Attach(counts.Program, PerfEventSource.Profile(99), PerfEventScope.Process(Environment.ProcessId), 7, Sys));
        string Fails(PerfEventSource source, PerfEventScope scope, SystemCalls sys) =>
            Assert.Throws<KernelException>(() => PerfEventLinks.Attach(counts.Program, source, scope, 0, sys).Dispose()).Message;

        using var leaks = new FdLeakCheck();
        Assert.Contains("has ended", Fails(PerfEventSource.Profile(99), PerfEventScope.Process(int.MaxValue), Sys), StringComparison.Ordinal);
        Assert.Contains("not online", Fails(PerfEventSource.Profile(99), PerfEventScope.OneCpu(4000), Sys), StringComparison.Ordinal);
        var slow = new FaultySystemCalls
        {
            OnPerfEventOpen = static call => call == 2 ? -(long)Errno.EINVAL : null,
            OnReadText = static path => path == "/proc/sys/kernel/perf_event_max_sample_rate" ? "50\n" : path == "/sys/devices/system/cpu/online" ? "0,1\n" : null,
        };
        Assert.Contains("kernel.perf_event_max_sample_rate", Fails(PerfEventSource.Profile(99), PerfEventScope.AllCpus, slow), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_threads_come_all_the_time_it_is_said_that_they_cannot_all_be_watched()
    {
        Requires.Bpf();
        using var target = new PerfEventTarget();
        using var counts = new ThreadCounts(ProgramType.PerfEvent);

        // The n-th attempt finds n threads and asks n times; at the first of them comes another.
        int next = 1, attempt = 1;
        var sys = new FaultySystemCalls
        {
            OnPerfEventOpen = call =>
            {
                if (call == next)
                {
                    target.AddThreadAtRest();
                    next += attempt++;
                }

                return -(long)Errno.ESRCH;
            },
        };
        using var leaks = new FdLeakCheck();
        var error = Assert.Throws<KernelException>(() => PerfEventLinks.Attach(counts.Program, PerfEventSource.Profile(99), PerfEventScope.Process(target.Pid), 0, sys));
        Assert.Equal(Errno.EAGAIN, error.Errno);
        Assert.Contains("Watch all CPUs instead", error.Message, StringComparison.Ordinal);
    }
}
