using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Probes of one process: others are not counted, and their code is not touched.</summary>
public sealed class ProcessScopeTests
{
    private const byte Push = 0x55, Breakpoint = 0xcc;

    private static byte FirstByte(LiveTarget target)
    {
        var address = long.Parse(target.Ask("address push").Single().Split(' ')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        using var memory = File.OpenHandle($"/proc/{target.Pid}/mem");
        var code = new byte[1];
        Assert.Equal(1, RandomAccess.Read(memory, code, address));
        return code[0];
    }

    [Fact]
    public async Task With_ForProcess_no_other_process_takes_the_trap()
    {
        var program = CTarget.Named("scope");
        using LiveTarget probed = new(program), other = new(program);
        Assert.Equal((Push, Push), (FirstByte(probed), FirstByte(other)));
        await using (var session = await Probe.UProbe(program, "leaf_push").ForProcess(probed.Pid).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken))
        {
            Assert.Equal((Breakpoint, Push), (FirstByte(probed), FirstByte(other)));
            using LiveTarget later = new(program);
            Assert.Equal(Push, FirstByte(later));
            _ = (probed.Ask("raw 30"), other.Ask("raw 500"), later.Ask("raw 70"));
            Assert.Equal(Push, FirstByte(other));
            Assert.Equal(30, await session.StopAsync(TestContext.Current.CancellationToken));
            Check.Healthy(30, session.Health);
        }
        await Eventually.True(() => (FirstByte(probed), FirstByte(other)) == (Push, Push), "no breakpoint is left");
    }

    [Fact]
    public async Task A_processes_threads_count_and_its_children_do_not()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        target.Ask("threads 9");
        target.Ask("children 5");
        target.Ask("vfork once");
        target.Ask("raw 2");
        Assert.Equal(11, await session.StopAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Without_a_scope_all_processes_count_those_started_later_too()
    {
        var program = CTarget.Named("everybody");
        using LiveTarget before = new(program);
        await using var session = await Probe.UProbe(program, "leaf_push").GroupBy(hit => hit.Pid).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        using LiveTarget after = new(program);
        before.Ask("raw 3");
        after.Ask("raw 4");
        var groups = await session.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal([(before.Pid, 3), (after.Pid, 4)], groups.Select(group => (group.Key, group.Value)).OrderBy(group => group.Value));
    }

    [Fact]
    public async Task After_the_stop_nothing_is_counted_any_more()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        target.Ask("raw 5");
        Assert.Equal(5, await session.StopAsync(TestContext.Current.CancellationToken));
        target.Ask("raw 5");
        Assert.Equal(5, session.Snapshot());
        Assert.Equal(5, session.Health.Hits);
    }

    [Fact]
    public async Task The_end_of_the_process_ends_nothing_but_the_hits()
    {
        var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        target.Ask("raw 8");
        target.Dispose();
        Assert.Equal(8, session.Snapshot());
        Assert.Equal(8, await session.StopAsync(TestContext.Current.CancellationToken));
    }
}
