using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Process ids that come again. Alone, because it turns the system's counter of ids back, and other tests tell processes by their ids.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class PidReuseTests
{
    [Fact]
    public async Task A_child_that_gets_the_pid_of_a_dead_one_is_followed_all_the_same()
    {
        Requires.SysAdmin();
        using var command = new Command("samepid 200");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Pid).Count()
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal((200, 0), (Assert.Single(run.Result).Value, run.ExitCode));
    }
}
