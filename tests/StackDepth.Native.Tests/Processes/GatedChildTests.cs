using StackDepth.Native.Processes;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Processes;

public sealed class GatedChildTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_child_does_nothing_before_its_release_and_everything_after_it()
    {
        using var scratch = new Scratch();
        using GatedChild child = GatedChild.Start(Commands.Shell("touch \"$1\"", scratch["touched"]));

        await Proc.Until(() => Proc.SleepsInOpen(child.Pid), "the child sleeps in open");
        Assert.Equal(Environment.ProcessPath, Proc.Executable(child.Pid));
        Assert.False(File.Exists(scratch["touched"]));
        Assert.False(child.WaitForExitAsync(Cancel).IsCompleted);

        child.Release();
        Assert.Equal(new ChildExit(0, null), await child.WaitForExitAsync(Cancel));
        Assert.True(File.Exists(scratch["touched"]));
    }

    [Fact]
    public async Task The_pid_stays_the_same_through_the_exec()
    {
        using var scratch = new Scratch();
        using GatedChild child = GatedChild.Start(Commands.Shell("echo $$ > \"$1\"; read line < \"$2\"", scratch["pid"], scratch["hold"]));
        Assert.Equal(0, LibC.MakeFifo(scratch["hold"], 0b110_000_000));

        child.Release();
        Assert.NotEqual(Environment.ProcessPath, Proc.Executable(child.Pid)); // the release returns after the exec
        await File.WriteAllTextAsync(scratch["hold"], "\n", Cancel);
        await child.WaitForExitAsync(Cancel);
        Assert.Equal(child.Pid, int.Parse(await File.ReadAllTextAsync(scratch["pid"], Cancel), null));
    }

    [Fact]
    public void The_child_is_found_without_the_kernels_list_of_children_too()
    {
        using GatedChild first = GatedChild.Start(Commands.Shell("true"));
        using GatedChild second = GatedChild.Start(Commands.Shell("true"));
        using var gate = new Gate();

        Assert.Null(ChildFinder.FromAllProcesses(gate.DoorFd));
        Assert.Equal(first.Pid, ChildFinder.FromAllProcesses(first.DoorFd));
        Assert.Equal(second.Pid, ChildFinder.FromAllProcesses(second.DoorFd));
    }

    [Fact]
    public async Task A_child_that_is_asked_to_end_can_end_in_its_own_way()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, LibC.MakeFifo(scratch["hold"], 0b110_000_000));
        using GatedChild child = GatedChild.Start(Commands.Shell("exec 2>/dev/null; trap 'exit 9' TERM; touch \"$1\"; while :; do read line < \"$2\"; done", scratch["trapped"], scratch["hold"]));

        child.Release();
        await Proc.Until(() => File.Exists(scratch["trapped"]), "the child handles SIGTERM");
        child.Terminate();
        Assert.Equal(new ChildExit(9, null), await child.WaitForExitAsync(Cancel));
        child.Terminate(); // there is nobody left
    }

    [Theory]
    [InlineData("exit 0", 0, null)]
    [InlineData("exit 7", 7, null)]
    [InlineData("exit 255", 255, null)]
    [InlineData("kill -TERM $$", 143, 15)]
    [InlineData("kill -KILL $$", 137, 9)]
    [InlineData("kill -PIPE $$", 141, 13)]
    public async Task The_exit_says_the_code_or_the_signal(string script, int code, int? signal) =>
        Assert.Equal(new ChildExit(code, signal), await Commands.Run(Commands.Shell(script)));

    [Fact]
    public async Task A_child_killed_at_its_gate_has_not_run_and_cannot_be_released()
    {
        using var scratch = new Scratch();
        using GatedChild child = GatedChild.Start(Commands.Shell("touch \"$1\"", scratch["touched"]));

        child.Kill();
        Assert.Equal(new ChildExit(137, 9), await child.WaitForExitAsync(Cancel));
        child.Kill();
        var e = Assert.Throws<InvalidOperationException>(child.Release);
        Assert.Contains("was killed while it waited", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(scratch["touched"]));
        Assert.Null(Proc.State(child.Pid));
    }

    [Fact]
    public async Task A_child_is_killed_while_it_runs()
    {
        using GatedChild child = GatedChild.Start(Commands.Shell("exec sleep 1000"));
        child.Release();
        child.Kill();
        Assert.Equal(new ChildExit(137, 9), await child.WaitForExitAsync(Cancel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disposing_a_gated_child_ends_and_reaps_it(bool asynchronously)
    {
        using var scratch = new Scratch();
        GatedChild child = GatedChild.Start(Commands.Shell("touch \"$1\"", scratch["touched"]));

        if (asynchronously)
        {
            await child.DisposeAsync();
        }
        else
        {
            child.Dispose();
        }

        Assert.Null(Proc.State(child.Pid));
        Assert.False(File.Exists(scratch["touched"]));
        Assert.Equal(9, (await child.WaitForExitAsync(Cancel)).Signal);
        Assert.Throws<ObjectDisposedException>(child.Release);
        child.Dispose();
        child.Kill();
    }

    [Fact]
    public async Task A_released_child_goes_on_after_its_disposal_and_is_reaped()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, LibC.MakeFifo(scratch["hold"], 0b110_000_000));
        GatedChild child = GatedChild.Start(Commands.Shell("read line < \"$1\"; touch \"$2\"", scratch["hold"], scratch["touched"]));
        child.Release();
        child.Release();
        child.Dispose();

        Assert.NotNull(Proc.State(child.Pid));
        await File.WriteAllTextAsync(scratch["hold"], "\n", Cancel);
        await Proc.Until(() => Proc.State(child.Pid) is null, "the child is reaped");
        Assert.True(File.Exists(scratch["touched"]));
    }

    [Fact]
    public async Task Cancelling_the_wait_leaves_the_child_alone()
    {
        using GatedChild child = GatedChild.Start(Commands.Shell("exit 3"));
        using var cancel = new CancellationTokenSource();
        Task<ChildExit> wait = child.WaitForExitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);

        child.Release();
        Assert.Equal(3, (await child.WaitForExitAsync(Cancel)).ExitCode);
    }

    [Fact]
    public async Task A_signal_sent_to_a_gated_child_waits_for_its_exec()
    {
        using GatedChild child = GatedChild.Start(Commands.Shell("exit 0"));
        Assert.Equal(0, LibC.Kill(child.Pid, Interrupt));
        await Proc.Until(() => Proc.SleepsInOpen(child.Pid), "the child still sleeps in open");

        child.Release();
        ChildExit exit = await child.WaitForExitAsync(Cancel);
        Assert.Equal((130, 2), (exit.ExitCode, exit.Signal));
    }

    private const int Interrupt = 2;

    [Fact]
    public async Task Collections_while_a_child_stands_at_its_gate_harm_neither()
    {
        using GatedChild child = GatedChild.Start(Commands.Shell("test \"$1\" = 'äöü x'", "äöü x"));

        for (int i = 0; i < 20; i++)
        {
            byte[][] garbage = [.. Enumerable.Range(0, 1000).Select(n => new byte[n])];
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.KeepAlive(garbage);
        }

        GC.WaitForPendingFinalizers();
        child.Release();
        Assert.Equal(0, (await child.WaitForExitAsync(Cancel)).ExitCode);
    }

    [Fact]
    public void Wait_statuses_are_read_as_the_kernel_writes_them()
    {
        Assert.Equal(new ChildExit(0, null), ChildExit.FromWaitStatus(0));
        Assert.Equal(new ChildExit(200, null), ChildExit.FromWaitStatus(200 << 8));
        Assert.Equal(new ChildExit(139, 11), ChildExit.FromWaitStatus(11 | 0x80)); // with a core dump
    }
}
