using System.Diagnostics;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

[CollectionDefinition("gated children, alone", DisableParallelization = true)]
public sealed class Alone;

/// <summary>Counts what is left afterwards, so nothing else may run meanwhile.</summary>
[Collection("gated children, alone")]
public sealed class GatedChildLoadTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task LeavesNothing(Func<Task> action)
    {
        await Commands.Run(Commands.Shell("true"));
        await Proc.Until(() => Proc.SpawnThreads() == 0, "no thread of an earlier test is left");
        int descriptors = Proc.GateDescriptors();
        int directories = Proc.GateDirectories();

        await action();

        await Proc.Until(() => Proc.SpawnThreads() == 0, "no thread is left");
        await Proc.Until(() => Proc.GateDescriptors() <= descriptors, "no descriptor is left");
        await Proc.Until(() => Proc.Children().Count == 0, "no child is left, not even a zombie");
        Assert.Equal(directories, Proc.GateDirectories());
    }

    [Fact]
    public Task Two_hundred_children_one_after_the_other_leave_nothing() => LeavesNothing(async () =>
    {
        for (int i = 0; i < 200; i++)
        {
            using GatedChild child = GatedChild.Start(Commands.Shell("exit $1", $"{i}"));
            switch (i % 5)
            {
                case 0:
                    child.Kill();
                    Assert.Equal(137, (await child.WaitForExitAsync(Cancel)).ExitCode);
                    break;
                case 1:
                    break; // disposed at its gate
                case 2:
                    child.Release(); // disposed unwaited
                    break;
                default:
                    child.Release();
                    Assert.Equal(new ChildExit(i, null), await child.WaitForExitAsync(Cancel));
                    break;
            }
        }
    });

    [Fact]
    public Task Sixteen_children_at_their_gates_at_once_are_released_in_any_order() => LeavesNothing(async () =>
    {
        using var scratch = new Scratch();

        for (int round = 0; round < 5; round++)
        {
            GatedChild[] children = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => GatedChild.Start(Commands.Shell("exit $1", $"{i}")), Cancel)));
            Assert.Equal(16, children.Select(child => child.Pid).Distinct().Count());
            await Proc.Until(() => children.All(child => Proc.SleepsInOpen(child.Pid)), "all sleep in open");

            await Task.WhenAll(children.Reverse().Select(child => Task.Run(child.Release, Cancel)));
            ChildExit[] exits = await Task.WhenAll(children.Select(child => child.WaitForExitAsync(Cancel)));
            Assert.Equal(Enumerable.Range(0, 16), exits.Select(exit => exit.ExitCode));
            Array.ForEach(children, child => child.Dispose());
        }
    });

    [Fact]
    public Task Failures_leave_nothing() => LeavesNothing(() =>
    {
        for (int i = 0; i < 50; i++)
        {
            Assert.ThrowsAny<Exception>(() => GatedChild.Start(new ChildCommand { FileName = "no-such-program-anywhere" }));
            using GatedChild child = GatedChild.Start(new ChildCommand { FileName = "/no/such/program" });
            Assert.ThrowsAny<Exception>(child.Release);
        }

        return Task.CompletedTask;
    });

    [Fact]
    public Task Releases_kills_and_disposals_may_race() => LeavesNothing(async () =>
    {
        for (int i = 0; i < 100; i++)
        {
            GatedChild child = GatedChild.Start(Commands.Shell("exit 0"));
            Task release = Task.Run(() => Record.Exception(child.Release), Cancel);
            Task kill = Task.Run(child.Kill, Cancel);
            Task dispose = Task.Run(child.Dispose, Cancel);
            await Task.WhenAll(release, kill, dispose);
            Assert.True(await child.WaitForExitAsync(Cancel) is { ExitCode: 0 } or { Signal: 9 });
        }
    });

    [Fact]
    public Task Children_of_Process_Start_come_and_go_beside_gated_ones() => LeavesNothing(async () =>
    {
        // Held at the gate all the while: Process.Start would wait for it, had it a copy of the pipe by which Process.Start learns of its child's exec.
        using GatedChild held = GatedChild.Start(Commands.Shell("exit 42"));

        Task processes = Task.Run(
            async () =>
            {
                for (int i = 0; i < 100; i++)
                {
                    using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"echo out; exit {i}"]) { RedirectStandardOutput = true })!;
                    Assert.Equal("out\n", await process.StandardOutput.ReadToEndAsync(Cancel));
                    await process.WaitForExitAsync(Cancel);
                    Assert.Equal(i, process.ExitCode);
                }
            },
            Cancel);
        Task children = Task.Run(
            async () =>
            {
                var gated = new List<GatedChild>();
                for (int i = 0; i < 100; i++)
                {
                    gated.Add(GatedChild.Start(Commands.Shell($"exit {i}")));
                }

                await processes; // so all hundred stand at their gates until the last Process has come and gone
                for (int i = 0; i < gated.Count; i++)
                {
                    using GatedChild child = gated[i];
                    child.Release();
                    Assert.Equal(new ChildExit(i, null), await child.WaitForExitAsync(Cancel));
                }
            },
            Cancel);

        await Task.WhenAll(processes, children);
        held.Release();
        Assert.Equal(42, (await held.WaitForExitAsync(Cancel)).ExitCode);
    });
}
