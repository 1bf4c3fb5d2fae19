using System.Diagnostics;
using System.Reactive.Linq;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>How streams end: stopped by their own reader, left, broken, completed; and what becomes of the command and of the kernel's objects.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class StreamEndTests
{
    private const int MoreThanAChannelHolds = 20_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ProbeStream<int> Pids(string binary) => Probe.UProbe(binary, "leaf_push").Select(hit => hit.Pid);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reader_that_stops_its_own_session_gets_what_was_in_the_ring(bool dispose)
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Pid)
            .AttachAsync(new() { RingBufferBytes = 4 << 20 }, Cancellation);
        target.Ask($"raw {MoreThanAChannelHolds}");
        await Eventually.Done(Read());

        async Task Read()
        {
            var read = 0;
            await foreach (var pid in session.ReadAllAsync(Cancellation))
            {
                if (++read != 1)
                    continue;
                if (dispose)
                    await session.DisposeAsync();
                else
                    await session.StopAsync(Cancellation);
            }
            Assert.InRange(read, 1, MoreThanAChannelHolds);
            if (!dispose)
                Assert.Equal(MoreThanAChannelHolds, read);
        }
    }

    [Fact]
    public async Task An_observer_that_throws_does_not_silence_the_others()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.Pid).AttachAsync(cancellationToken: Cancellation);
        var seen = 0;
        var completed = false;
        using var faulty = session.Subscribe(static _ => throw new InvalidTimeZoneException("the observer's"));
        using var sound = session.Subscribe(_ => seen++, () => completed = true);
        target.Ask("raw 100");
        await Eventually.Done(session.StopAsync(Cancellation));
        Assert.Equal((100, true), (seen, completed));
    }

    [Fact]
    public async Task Who_leaves_an_ObserveRun_ends_the_command()
    {
        using var command = new Command("raw 10 ; sleep 600000");
        var pid = await Eventually.Done(Pids(command.Start.FileName).ObserveRun(command.Start, Command.Quiet).FirstAsync().ToTaskOf());
        await Eventually.True(() => !Directory.Exists($"/proc/{pid}"), "the end of the command");
    }

    [Fact]
    public async Task A_loss_with_Fault_ends_the_command_and_is_thrown()
    {
        using var command = new Command("raw 100000 ; sleep 600000");
        var options = Command.Quiet with { RingBufferBytes = 4096, WhenFull = Overflow.Fault };
        var error = await Assert.ThrowsAsync<ProbeDataLossException>(() => Eventually.Done(Slow(command).RunAsync(command.Start, options, Cancellation)));
        Assert.True(error.Health.Dropped > 0);
    }

    [Fact]
    public async Task A_loss_with_Fault_reaches_the_observer_of_an_ObserveRun_while_the_command_would_run_on()
    {
        using var command = new Command("raw 100000 ; sleep 600000");
        var options = Command.Quiet with { RingBufferBytes = 4096, WhenFull = Overflow.Fault };
        await Assert.ThrowsAsync<ProbeDataLossException>(() => Eventually.Done(Slow(command).ObserveRun(command.Start, options).Do(static _ => Thread.Sleep(1)).LastOrDefaultAsync().ToTaskOf()));
    }

    [Fact]
    public async Task A_started_stream_has_its_command_and_its_health()
    {
        using var command = new Command("raw 500");
        await using var session = await Pids(command.Start.FileName).StartAsync(command.Start, Command.Quiet, Cancellation);
        Assert.Equal(0, await Eventually.Done(session.Command!.ExitCode));
        var seen = 0;
        using var subscription = session.Subscribe(pid => seen += pid == session.Command.Pid ? 1 : 0);
        await Eventually.Done(session.StopAsync(Cancellation));
        Assert.Equal((500, 500L), (seen, session.Health.Hits));
    }

    [Fact]
    public async Task A_completed_stream_frees_what_it_held_without_being_disposed()
    {
        await Complete();
        using (new FdLeakCheck())
        {
            for (var round = 0; round < 10; round++)
                await Complete();
        }

        static async Task Complete()
        {
            using var command = new Command("raw 10");
            var completed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _ = Pids(command.Start.FileName).ObserveRun(command.Start, Command.Quiet).Subscribe(static _ => { }, completed.SetException, completed.SetResult);
            await Eventually.Done(completed.Task);
        }
    }

    [Fact]
    public async Task The_command_and_the_target_are_found_by_the_same_rule()
    {
        using var folder = new Folder();
        Directory.CreateDirectory(folder["a"]);
        Directory.CreateDirectory(folder["b"]);
        foreach (var place in new[] { "a", "b" })
            File.Copy(CTarget.Shared, Path.Combine(folder[place], "sd-same-rule"));

        var byPath = new ProcessStartInfo("sd-same-rule", ["raw", "7"]);
        byPath.Environment["PATH"] = $"{folder["b"]}:{folder["a"]}";
        var run = await Pids("sd-same-rule").RunAsync(byPath, Command.Quiet, Cancellation);
        Assert.Equal((7, folder["b"] + "/sd-same-rule"), (run.Result.Length, run.Sites[0].Binary));

        var byDirectory = new ProcessStartInfo("./sd-same-rule", ["raw", "7"]) { WorkingDirectory = folder["a"] };
        run = await Pids("./sd-same-rule").RunAsync(byDirectory, Command.Quiet, Cancellation);
        Assert.Equal((7, folder["a"] + "/sd-same-rule"), (run.Result.Length, run.Sites[0].Binary));
    }

    /// <summary>A stream of which no reader keeps up with the target's calls: every decode is a comm that was not seen before for one tid or the other.</summary>
    private static ProbeStream<(int, string, long)> Slow(Command command) =>
        Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.Tid, hit.Comm, hit.Timestamp));
}
