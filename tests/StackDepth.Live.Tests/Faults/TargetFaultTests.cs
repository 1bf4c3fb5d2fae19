using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Faults;

/// <summary>Targets that stop, vanish, become something else or take their code away while they are probed.</summary>
public sealed class TargetFaultTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stopped_target_holds_nothing_up()
    {
        using var target = new LiveTarget();
        var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 4");
        Signal("STOP", target.Pid);
        try
        {
            Assert.Equal(4, session.Snapshot());
            // Without the target: its code is mended while it is stopped.
            Assert.Equal(4, await session.StopAsync(Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancellation));
            await session.DisposeAsync();
            await using var again = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: Cancellation);
            Signal("CONT", target.Pid);
            target.Ask("raw 5");
            Assert.Equal(5, await again.StopAsync(Cancellation));
        }
        finally
        {
            Signal("CONT", target.Pid);
        }
        target.Ask("raw 1");
    }

    [Fact]
    public async Task A_target_that_is_killed_leaves_its_hits()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).GroupBy(static s => s.Pid).MaxBy(static s => s.UStack.Length).AttachAsync(cancellationToken: Cancellation);
        target.Ask("raw 4");
        Signal("KILL", target.Pid);
        var (pid, hit) = Assert.Single(await session.StopAsync(Cancellation));
        Assert.Equal((target.Pid, "leaf_push"), (pid, hit.Stack.Frames[0].Symbol));
    }

    [Fact]
    public async Task A_binary_that_is_replaced_stays_probed_where_it_runs_and_the_new_one_is_another()
    {
        using var folder = new Folder();
        var (program, other) = (folder["server"], folder["new"]);
        File.Copy(CTarget.Shared, program);
        File.Copy(CTarget.Shared, other);
        using var old = new LiveTarget(program);
        await using var session = await Probe.UProbe(program, "leaf_push").GroupBy(static s => s.Pid).Count().AttachAsync(cancellationToken: Cancellation);
        old.Ask("raw 4");
        File.Move(other, program, overwrite: true);
        using var replaced = new LiveTarget(program);
        replaced.Ask("raw 100");
        old.Ask("raw 3");
        var (pid, count) = Assert.Single(await session.StopAsync(Cancellation));
        Assert.Equal((old.Pid, 7L), (pid, count));
        old.Ask("raw 1");
        await using var anew = await Probe.UProbe(program, "leaf_push").Count().AttachAsync(cancellationToken: Cancellation);
        replaced.Ask("raw 2");
        old.Ask("raw 50");
        Assert.Equal(2, await anew.StopAsync(Cancellation));
    }

    [Fact]
    public async Task A_library_that_is_unmapped_and_mapped_again_is_probed_each_time()
    {
        Requires.Tool("python3");
        using var folder = new Folder();
        var script = folder["unmap.py"];
        File.WriteAllText(script, """
            import ctypes, _ctypes, sys
            for calls in (5, 7, 11):
                library = ctypes.CDLL(sys.argv[1])
                for i in range(calls):
                    library.own_leaf(i)
                handle = library._handle
                del library
                _ctypes.dlclose(handle)
                assert not any(sys.argv[1] in line for line in open("/proc/self/maps"))
            """);
        var library = CTarget.Library("unmapped");
        var run = await Probe.UProbe(library, "own_leaf").Select(static s => s.UStack.Length).Stats().RunAsync(new("python3", [script, library]), new() { CommandOutput = CommandOutput.Discard }, Cancellation);
        Assert.Equal((0, 23L, 0L), (run.ExitCode, run.Health.Hits, run.Health.Missed));
    }

    [Fact]
    public async Task A_target_that_runs_another_program_is_that_program_from_then_on()
    {
        // The shell is the process that is probed; by an exec it becomes the target, whose hits count, and then one that has none.
        var program = CTarget.Named("exec-in-session");
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read line; exec \"$0\"", program]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await using var session = await Probe.UProbe(program, "leaf_push").ForProcess(shell.Id).Select(static s => s.UStack.Length).Stats().AttachAsync(cancellationToken: Cancellation);
        await shell.StandardInput.WriteLineAsync("go\nraw 6");
        await shell.StandardInput.FlushAsync(Cancellation);
        while (await shell.StandardOutput.ReadLineAsync(Cancellation) is not (null or "ok"))
        {
        }
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(Cancellation);
        Assert.Equal(6, (await session.StopAsync(Cancellation)).Count);
    }

    private static void Signal(string name, int pid)
    {
        using var kill = Process.Start("kill", ["-" + name, pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
