using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>Hits of one thread, of a cgroup, and of a clock.</summary>
public sealed class ScopeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Only_the_hits_of_the_thread_count()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).ForThread(target.Pid).GroupBy(s => s.Tid).Count().Attach(Command.ByKernel, Cancellation);
        target.Do("calls push 7 3 100 5");
        Assert.Empty(session.Snapshot());
        target.Do("calls push 7 0 100 5");
        Assert.Equal([new(target.Pid, 100)], session.Snapshot());
    }

    [Fact]
    public void Only_the_hits_of_the_cgroup_and_those_below_it_count()
    {
        var root = File.ReadAllLines("/proc/self/mounts").Select(static line => line.Split(' ')).FirstOrDefault(static fields => fields[2] == "cgroup2")?[1];
        Requires.That(root is not null, "a mount of cgroup2");
        var outer = Path.Combine(root!, string.Create(CultureInfo.InvariantCulture, $"stackdepth-{Environment.ProcessId}"));
        var inner = Path.Combine(outer, "inner");
        using var target = new LiveTarget();
        try
        {
            Directory.CreateDirectory(inner);
            var source = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid);
            using var inOuter = source.ForCgroup(outer).Count().Attach(Command.ByKernel, Cancellation);
            using var inInner = source.ForCgroup(Path.Combine(Path.GetFileName(outer), "inner")).Count().Attach(Command.ByKernel, Cancellation);
            using var outside = source.Where(s => !s.InCgroup(outer) & s.InCgroup("")).Count().Attach(Command.ByKernel, Cancellation);
            using var which = source.Select(s => s.InCgroup(inner)).Count().Attach(Command.ByKernel, Cancellation);
            Assert.Equal((0, 0, 7), Do(7));
            Move(outer);
            Assert.Equal((30, 0, 7), Do(30));
            Move(inner);
            Assert.Equal((130, 100, 7), Do(100));
            Assert.Equal(137, which.Snapshot());

            (long, long, long) Do(int count)
            {
                target.Do(string.Create(CultureInfo.InvariantCulture, $"calls push 7 0 {count} 5"));
                return (inOuter.Snapshot(), inInner.Snapshot(), outside.Snapshot());
            }

            void Move(string folder) => File.WriteAllText(Path.Combine(folder, "cgroup.procs"), target.Pid.ToString(CultureInfo.InvariantCulture));
        }
        finally
        {
            if (Directory.Exists(outer))
            {
                File.WriteAllText(Path.Combine(root!, "cgroup.procs"), target.Pid.ToString(CultureInfo.InvariantCulture));
                Directory.Delete(inner);
                Directory.Delete(outer);
            }
        }
    }

    [Theory]
    [InlineData("/no/such/folder", "cannot be opened")]
    [InlineData("no-such-slice", "cannot be opened")]
    [InlineData("/tmp", "no folder of cgroups of version 2")]
    public void A_folder_that_is_no_cgroup_is_refused_before_anything_runs(string path, string why)
    {
        var error = Assert.Throws<ProbeTargetNotFoundException>(() => Probe.UProbe(CTarget.Shared, "leaf_push").ForCgroup(path).Count().Attach(Command.ByKernel, Cancellation));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.Contains("Write the path of its folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_hits_on_one_CPU()
    {
        Requires.Bpf();
        await using var session = await Probe.Interval(TimeSpan.FromMilliseconds(1)).GroupBy(s => s.Cpu).Count().AttachAsync(cancellationToken: Cancellation);
        await Eventually.True(() => session.Snapshot().Values.Sum() > 20, "hits of the clock");
        Assert.Single(session.Snapshot());
    }
}
