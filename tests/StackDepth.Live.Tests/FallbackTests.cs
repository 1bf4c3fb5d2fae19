using StackDepth.Live.Tests.Support;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests;

/// <summary>What is done where the kernel lacks or refuses something: the same exact results by other ways, or all the reasons.</summary>
public sealed class FallbackTests
{
    private const int TraceUprobeMulti = 48;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>From Linux 6.18 on one of the functions cannot be probed: a five-byte nop.</summary>
    private static int Sites => Probe.UProbe(CTarget.Shared, "leaf_*").Count().Explain().Sites.Length;

    private static KernelProfile Without(KernelFeatures features) => KernelProfile.Detect(SystemCalls.Real) with { Switches = new(features) };

    /// <summary>A kernel that answers so to every uprobe_multi link.</summary>
    private static unsafe FaultySystemCalls MultiAnswers(Errno errno, Errno? perfEvents = null) => new()
    {
        // The attach type is the third field of BPF_LINK_CREATE.
        OnBpf = (command, _, attribute) => command == BpfCommand.LinkCreate && ((uint*)attribute)[2] == TraceUprobeMulti ? -(long)errno : null,
        OnPerfEventOpen = _ => perfEvents is { } refused ? -(long)refused : null,
    };

    private static unsafe FaultySystemCalls WithoutBatches() => new() { OnBpf = static (command, _, _) => command == BpfCommand.MapLookupBatch ? -(long)Errno.EINVAL : null };

    private static async Task IsExact(AttachOptions options, string commands = "calls any 51 4 800 150 ; fork calls any 52 2 800 40")
    {
        using var command = new Command(commands);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_*").GroupBy(hit => hit.Function).Summary(hit => hit.UStack.Length)
            .RunAsync(command.Start, options with { CommandOutput = CommandOutput.Discard, Walk = StackWalk.Kernel }, Cancellation);
        var report = command.Report.OfLeaves();
        Check.Same(report.By(line => line.Function), run.Result.ToDictionary(group => group.Key.Name, group => group.Value), Check.Same);
        Check.Healthy(report, run.Health);
    }

    [Fact]
    public async Task Switched_off_uprobe_multi_gives_way_to_perf_events_with_the_same_results()
    {
        Requires.Bpf();
        Requires.SysAdmin();
        await IsExact(new() { Kernel = Without(KernelFeatures.UprobeMulti) });
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_*").Count().AttachAsync(new() { Kernel = Without(KernelFeatures.UprobeMulti) }, Cancellation);
        Assert.StartsWith("perf event (uprobe_multi is switched off", session.AttachedBy, StringComparison.Ordinal);
        Assert.Equal(Sites, session.Sites.Length);
    }

    [Fact]
    public async Task By_perf_events_one_process_alone_is_probed()
    {
        Requires.SysAdmin();
        using LiveTarget target = new(), other = new();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).GroupBy(hit => hit.Pid).Count()
            .AttachAsync(new() { Kernel = Without(KernelFeatures.UprobeMulti) }, Cancellation);
        other.Ask("raw 50");
        target.Ask("threads 7");
        target.Ask("raw 5");
        Assert.Equal([new(target.Pid, 12)], await session.StopAsync(Cancellation));
    }

    [Theory]
    [InlineData((int)Errno.EINVAL)]
    [InlineData((int)Errno.EOPNOTSUPP)]
    public async Task A_kernel_without_uprobe_multi_gets_perf_events(int errno)
    {
        Requires.SysAdmin();
        var sys = MultiAnswers((Errno)errno);
        await IsExact(new() { SystemCalls = sys });
        Assert.Equal(Sites, sys.PerfEventOpens);
    }

    [Fact]
    public async Task A_refused_privilege_is_an_error_and_no_reason_to_try_another_way()
    {
        var sys = MultiAnswers(Errno.EPERM);
        var error = await Assert.ThrowsAsync<ProbeUnavailableException>(
            async () => await Probe.UProbe(CTarget.Shared, "leaf_push").Count().AttachAsync(new() { SystemCalls = sys }, Cancellation));
        Assert.Contains("EPERM", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
    }

    [Fact]
    public async Task When_both_ways_fail_both_errors_are_told()
    {
        var sys = MultiAnswers(Errno.EINVAL, perfEvents: Errno.EACCES);
        var error = await Assert.ThrowsAsync<ProbeUnavailableException>(
            async () => await Probe.UProbe(CTarget.Shared, "leaf_push").Count().AttachAsync(new() { SystemCalls = sys }, Cancellation));
        Assert.Contains("EINVAL", error.Message, StringComparison.Ordinal);
        Assert.Contains("EACCES", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_both_ways_switched_off_the_message_names_the_switch()
    {
        var off = Without(KernelFeatures.UprobeMulti | KernelFeatures.PerfEventUprobe);
        var error = await Assert.ThrowsAsync<ProbeUnavailableException>(
            async () => await Probe.UProbe(CTarget.Shared, "leaf_push").Count().AttachAsync(new() { Kernel = off }, Cancellation));
        Assert.Contains("STACKDEPTH_DISABLE", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_batched_lookups_groups_are_read_one_by_one()
    {
        var sys = WithoutBatches();
        await IsExact(new() { SystemCalls = sys });
        Assert.True(sys.Calls(BpfCommand.MapLookupBatch) > 0);
        Assert.True(sys.Calls(BpfCommand.MapGetNextKey) >= 3);
    }

    [Fact]
    public async Task A_failure_halfway_leaves_no_probe()
    {
        Requires.SysAdmin();
        var program = CTarget.Named("halfway");
        using var target = new LiveTarget(program);
        FaultySystemCalls sys = new() { OnPerfEventOpen = static call => call == 3 ? -(long)Errno.EMFILE : null };

        // By function: else one event would be at all of them.
        var error = await Assert.ThrowsAsync<ProbeUnavailableException>(
            async () => await Probe.UProbe(program, "leaf_*").GroupBy(hit => hit.Function).Count().AttachAsync(new() { SystemCalls = sys, Kernel = Without(KernelFeatures.UprobeMulti) }, Cancellation));
        Assert.Contains("EMFILE", error.Message, StringComparison.Ordinal);
        await using var session = await Probe.UProbe(program, "leaf_push").Count().AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 4");
        Assert.Equal(4, await session.StopAsync(Cancellation));
    }
}
