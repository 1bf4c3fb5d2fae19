using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Rounds of attaching and detaching leave nothing behind: no descriptor, no mapping, no map or program in the kernel, no managed memory.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class LeakTests
{
    /// <summary>
    /// A round takes some 20 to 40 ms, most of it the kernel's detaching. A thousand where everything is required or STACKDEPTH_ROUNDS says so, fewer in a usual run of the suite.
    /// </summary>
    private static int Rounds => Environment.GetEnvironmentVariable("STACKDEPTH_ROUNDS") is { } rounds ? int.Parse(rounds, CultureInfo.InvariantCulture)
        : Requires.Everything ? 1000
        : 200;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rounds_of_every_kind_of_session_leave_nothing_behind()
    {
        using var target = new LiveTarget();
        using var command = new Command("once");
        for (var round = 0; round < 20; round++)
            await Round(round, target, command);
        var before = State.Read();
        using (new FdLeakCheck())
        {
            for (var round = 0; round < Rounds; round++)
                await Round(round, target, command);
            await Settles(before);
        }
    }

    [Fact]
    public async Task Failures_leave_nothing_behind()
    {
        using var target = new LiveTarget();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Fail();
        var before = State.Read();
        using (new FdLeakCheck())
        {
            for (var round = 0; round < 50; round++)
                await Fail();
            await Settles(before);
        }

        async Task Fail()
        {
            var query = Probe.UProbe(CTarget.Shared, "leaf_push").Count();
            await Assert.ThrowsAsync<FileNotFoundException>(() => query.RunAsync(new("no-such-command-anywhere"), Command.Quiet, Cancellation));
            await Assert.ThrowsAsync<FileNotFoundException>(() => query.RunAsync(new("/nowhere/command"), Command.Quiet, Cancellation));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => query.RunAsync(new(CTarget.Shared, ["once"]), Command.Quiet, cancelled.Token));
            await Assert.ThrowsAsync<ProbeTargetNotFoundException>(async () => await Probe.UProbe(CTarget.Shared, "leef").Count().AttachAsync(cancellationToken: Cancellation));
            await Assert.ThrowsAnyAsync<StackDepthException>(
                async () => await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(int.MaxValue).Select(hit => hit.Pid).AttachAsync(cancellationToken: Cancellation));
        }
    }

    /// <summary>An aggregate, a grouped run with a command, a stream, a live extremum, one after the other.</summary>
    private static async Task Round(int round, LiveTarget target, Command command)
    {
        var source = Probe.UProbe(CTarget.Shared, "leaf_*");
        switch (round % 4)
        {
            case 0:
                await using (var session = await source.ForProcess(target.Pid).Select(hit => hit.UStack.Length).Summary().AttachAsync(Command.ByKernel, Cancellation))
                {
                    target.Ask("raw 3");
                    Assert.Equal(3, session.Snapshot().Count);
                }
                break;
            case 1:
                Assert.Single((await source.GroupBy(hit => hit.Pid).Max(hit => hit.UStack.Length).RunAsync(command.Start, Command.Quiet, Cancellation)).Result);
                break;
            case 2:
                Assert.Single((await source.Select(hit => (hit.Tid, hit.Comm)).RunAsync(command.Start, Command.Quiet, Cancellation)).Result);
                break;
            default:
                var records = 0;
                using (source.ForProcess(target.Pid).Select(hit => hit.UStack.Length).Max().Observe(Command.ByKernel).Subscribe(_ => Interlocked.Increment(ref records)))
                {
                    target.Ask("raw 3");
                    await Eventually.True(() => Volatile.Read(ref records) == 1, "the record comes");
                }
                break;
        }
    }

    /// <summary>The kernel lets go of maps and programs a moment after the last descriptor is closed; a leak stays.</summary>
    private static async Task Settles(State before)
    {
        State now;
        var watch = Stopwatch.StartNew();
        while ((now = State.Read()).Exceeds(before) && watch.Elapsed < TimeSpan.FromSeconds(10))
            await Task.Delay(100, Cancellation);
        Assert.False(now.Exceeds(before), $"before: {before}\nafter:  {now}");
    }

    /// <summary>What this process holds. Maps and programs in the kernel are seen as descriptors; the library pins none.</summary>
    private sealed record State(int BpfDescriptors, int RingMappings, int Mappings, int Threads, long Managed)
    {
        internal static State Read()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            var maps = File.ReadAllLines("/proc/self/maps");
            return new(
                FdLeakCheck.Snapshot().Values.Count(static link => link.Contains("bpf", StringComparison.Ordinal) || link.Contains("perf_event", StringComparison.Ordinal)),
                maps.Count(static line => line.Contains("bpf", StringComparison.Ordinal)),
                maps.Length,
                Directory.GetDirectories("/proc/self/task").Length,
                GC.GetTotalMemory(forceFullCollection: true));
        }

        /// <summary>Exact for what the library makes; with room for what the runtime does meanwhile.</summary>
        internal bool Exceeds(State before) =>
            BpfDescriptors > before.BpfDescriptors || RingMappings > before.RingMappings || Mappings > before.Mappings + 60 || Threads > before.Threads + 8 || Managed > before.Managed + (2 << 20);
    }
}
