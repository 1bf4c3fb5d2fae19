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
        // They go down in frames of one size, then in frames of another, and so on: where old and new come together, frames and bytes do not agree. Two that wait in each kind tell their size. Deep enough that most of
        // the stack is read after the sample.
        string[] bouncers = [.. Enumerable.Range(0, 6).Select(static index => $"bounce:{2000 + (index * 700)}")];
        using var target = await ParkedTarget.Start(flavour, ["read:1", "read:1001", "wide:1", "wide:1001", .. bouncers]);
        var parked = Probe.Threads(target.Pid);
        var (narrow, wide) = (Line("read"), Line("wide"));
        Assert.True(wide.Size > narrow.Size + 100, $"{narrow}, {wide}");
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
                Assert.True(narrow.Has(thread) || wide.Has(thread), $"{thread}: neither {narrow} nor {wide}");
            }
        }

        Assert.True(complete > Looks && depths.Count > 20, $"{complete} complete, {running} running, {depths.Count} depths");

        FrameLine Line(string kind)
        {
            var waiting = parked.Where(thread => target.Threads.Any(said => said.Tid == thread.Tid && said.Kind == kind && said.Tid != target.Pid)).OrderBy(static thread => thread.User).ToArray();
            Assert.Equal(1000, waiting[1].User - waiting[0].User);
            return new(waiting[0].User, waiting[0].BytesInUse, (waiting[1].BytesInUse - waiting[0].BytesInUse) / 1000);
        }
    }

    /// <summary>How frames and bytes go together in a recursion.</summary>
    private sealed record FrameLine(int Frames, long Bytes, long Size)
    {
        /// <summary>Below the recursion lie what parks, some frames and 200 bytes, or nothing.</summary>
        internal bool Has(ThreadDepth thread) => Math.Abs(Frames + ((thread.BytesInUse - Bytes) / (double)Size) - thread.User) < 16;
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
