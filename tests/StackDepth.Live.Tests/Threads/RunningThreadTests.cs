namespace StackDepth.Live.Tests.Threads;

/// <summary>Threads that run while they are looked at: never a wrong number that is called complete.</summary>
public sealed class RunningThreadTests
{
    private const int Looks = 300;

    [Theory]
    [InlineData(ParkedTarget.FramePointers)]
    [InlineData(ParkedTarget.NoFramePointers)]
    public async Task One_that_spins_is_running_or_has_its_true_depth(string flavour)
    {
        using var target = await ParkedTarget.Start(flavour, "spin:500");
        var spinner = target.Threads.Single(static thread => thread.Kind == "spin").Tid;
        var truth = (await AttachedGdb.Depths(target.Pid))[spinner];
        Assert.InRange(truth, 500, 510);

        for (var look = 0; look < Looks; look++)
        {
            var seen = Probe.Threads(target.Pid);
            Assert.Equal(StackReason.None, seen.Single(thread => thread.Tid == target.Pid).Reason);
            var thread = seen.Single(thread => thread.Tid == spinner);
            if (thread.Reason == StackReason.Running)
                Assert.Equal((1, 0, 0L, Completeness.Broken), (thread.User, thread.Kernel, thread.BytesInUse, thread.Completeness));
            else
                Assert.Equal((truth, StackReason.None), (thread.User, thread.Reason));
        }
    }

    [Theory]
    [InlineData(ParkedTarget.FramePointers)]
    [InlineData(ParkedTarget.NoFramePointers)]
    public async Task Of_those_that_go_up_and_down_frames_and_bytes_are_of_one_moment(string flavour)
    {
        // All frames of the recursion have one size, which two that wait tell: so the bytes tell the depth. Deep enough that most of the stack is read after the sample.
        string[] bouncers = [.. Enumerable.Range(0, 6).Select(static index => $"bounce:{500 + (index * 700)}")];
        using var target = await ParkedTarget.Start(flavour, ["read:1", "read:1001", .. bouncers]);
        var waiting = Probe.Threads(target.Pid).Where(thread => target.Threads.Any(said => said.Tid == thread.Tid && said.Kind == "read" && said.Tid != target.Pid)).OrderBy(static thread => thread.User).ToArray();
        var (shallow, deep) = (waiting[0], waiting[1]);
        Assert.Equal(1000, deep.User - shallow.User);
        var frame = (deep.BytesInUse - shallow.BytesInUse) / 1000;
        var moving = target.Threads.Where(static thread => thread.Kind == "bounce").Select(static thread => thread.Tid).ToHashSet();
        var (complete, running, depths) = (0, 0, new HashSet<int>());

        for (var look = 0; look < Looks; look++)
        {
            foreach (var thread in Probe.Threads(target.Pid).Where(thread => moving.Contains(thread.Tid)))
            {
                Assert.True(thread.Reason is StackReason.None or StackReason.Running, $"{thread}");
                if (thread.Reason == StackReason.Running)
                {
                    running++;
                    continue;
                }
                complete++;
                depths.Add(thread.User);
                // bounce and descend push the same; below them lie what parks (some 200 bytes at most) or nothing.
                var byBytes = shallow.User + ((thread.BytesInUse - shallow.BytesInUse) / (double)frame);
                Assert.True(Math.Abs(byBytes - thread.User) < 16, $"{thread}: {byBytes} frames by its bytes, at {frame} bytes a frame");
            }
        }

        Assert.True(complete > Looks && depths.Count > 20, $"{complete} complete, {running} running, {depths.Count} depths");
    }

    [Fact]
    public async Task Processes_that_come_and_go_break_nothing()
    {
        Requires.Bpf();
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:50");
        var quiet = Probe.Threads(target.Pid);
        using var churn = System.Diagnostics.Process.Start("sh", ["-c", "while :; do /bin/true; (exec /bin/sh -c 'exec /bin/true'); done"]);
        try
        {
            for (var look = 0; look < 200; look++)
            {
                var all = Probe.Threads();
                Assert.Equal(quiet, all.Where(thread => thread.Pid == target.Pid));
                Assert.All(all, static thread => Assert.True(thread.User >= 0 && thread.Kernel >= 0 && thread.BytesInUse >= 0 && thread.Tid > 0 && thread.Pid > 0, $"{thread}"));
            }
        }
        finally
        {
            churn.Kill(entireProcessTree: true);
        }
    }
}
