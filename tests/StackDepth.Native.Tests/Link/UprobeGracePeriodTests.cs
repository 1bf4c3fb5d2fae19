using StackDepth.Native.Link;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed class UprobeGracePeriodTests
{
    [Fact]
    public async Task It_passes_by_a_uprobe_that_is_held_until_the_end_and_leaves_nothing()
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var files = new FdLeakCheck();
        var before = Links();
        var passing = Task.Run(static () => UprobeGracePeriod.Pass(SystemCalls.Real), TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => Links() > before || passing.IsCompleted, TimeSpan.FromSeconds(10)));
        UprobeGracePeriod.End();

        Assert.True(await passing);
    }

    [Fact]
    public unsafe void Without_the_privileges_or_the_kernel_for_it_nothing_happens()
    {
        using var files = new FdLeakCheck();
        var denied = new FaultySystemCalls { OnBpf = static (_, _, _) => -(long)Errno.EPERM };
        Assert.False(UprobeGracePeriod.Pass(denied));

        Requires.Bpf();
        var old = new FaultySystemCalls { OnBpf = static (command, _, _) => command == BpfCommand.LinkCreate ? -(long)Errno.EINVAL : null };
        Assert.False(UprobeGracePeriod.Pass(old));
        Assert.Equal(1, old.Calls(BpfCommand.LinkCreate));
    }

    private static int Links() => FdLeakCheck.Snapshot().Values.Count(static file => file.Contains("bpf_link", StringComparison.Ordinal));
}
