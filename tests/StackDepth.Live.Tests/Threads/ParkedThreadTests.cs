using System.Globalization;

namespace StackDepth.Live.Tests.Threads;

/// <summary>Threads that wait in system calls: exact, by what gdb, the program itself and /proc say.</summary>
public sealed class ParkedThreadTests
{
    private static readonly string[] s_kinds = ["futex", "read", "nanosleep", "poll", "epoll", "signal", "alternate", "nested"];
    private static readonly int[] s_depths = [1, 2, 10, 100, 345, 2000];

    /// <summary>48 threads, and the first.</summary>
    private static string[] Everything => [.. s_kinds.SelectMany(static kind => s_depths.Select(depth => $"{kind}:{depth}")), "main:read:7"];

    public static TheoryData<string> Flavours => [ParkedTarget.FramePointers, ParkedTarget.NoFramePointers];

    [Theory]
    [MemberData(nameof(Flavours))]
    public async Task Each_has_the_depth_that_gdb_finds_before_and_after(string flavour)
    {
        using var target = await ParkedTarget.Start(flavour, Everything);

        var before = Probe.Threads(target.Pid);
        var truth = await AttachedGdb.Depths(target.Pid);
        var after = Probe.Threads(target.Pid);

        Assert.Equal(49, truth.Count);
        Assert.DoesNotContain(0, truth.Values);
        foreach (var seen in (IReadOnlyList<ThreadDepth>[])[before, after])
        {
            Assert.Equal(truth.OrderBy(static pair => pair.Key).Select(static pair => (pair.Key, pair.Value, StackReason.None)), seen.Select(static thread => (thread.Tid, thread.User, thread.Reason)));
            Assert.All(seen, thread => Assert.Equal((target.Pid, Path.GetFileName(ParkedTarget.Program(flavour))[..15], Completeness.Complete), (thread.Pid, thread.Comm, thread.Completeness)));
        }
    }

    [Theory]
    [MemberData(nameof(Flavours))]
    public async Task Each_is_as_much_deeper_as_it_says_also_a_hundred_thousand_frames_down(string flavour)
    {
        using var target = await ParkedTarget.Start(flavour, "futex:1", "futex:100000", "alternate:1", "alternate:100000", "read:1", "main:read:100000");
        var seen = Probe.Threads(target.Pid).ToDictionary(static thread => thread.Tid);

        Assert.All(seen.Values, static thread => Assert.Equal(StackReason.None, thread.Reason));
        Assert.Equal(99_999, Of("futex", 100_000).User - Of("futex", 1).User);
        Assert.Equal(99_999, Of("alternate", 100_000).User - Of("alternate", 1).User);
        // The first thread has main and libc's start where others have libc's clone and start_thread.
        Assert.InRange(Of("read", 100_000).User - Of("read", 1).User, 99_999, 100_002);
        // On an alternate stack the bytes are those of that one.
        Assert.Equal(Of("alternate", 1).BytesInUse, Of("alternate", 100_000).BytesInUse);
        Assert.InRange(Of("alternate", 1).BytesInUse, 400, 65_536);

        ThreadDepth Of(string kind, int depth) => seen[target.Threads.Single(thread => (thread.Kind, thread.Depth) == (kind, depth)).Tid];
    }

    [Theory]
    [MemberData(nameof(Flavours))]
    public async Task The_bytes_are_those_to_the_end_of_the_stacks_mapping(string flavour)
    {
        using var target = await ParkedTarget.Start(flavour, [.. Everything.Where(static thread => !thread.StartsWith("alternate", StringComparison.Ordinal) && !thread.StartsWith("nested", StringComparison.Ordinal))]);
        var seen = Probe.Threads(target.Pid);
        var mappings = File.ReadLines($"/proc/{target.Pid}/maps").Select(static line => line.Split(' ')[0].Split('-')).Select(static range => (Start: Hex(range[0]), End: Hex(range[1]))).ToArray();

        Assert.All(seen, thread =>
        {
            var sp = Hex(ParkedTarget.SystemCall(target.Pid, thread.Tid)[^2][2..]);
            Assert.Equal((long)(mappings.Single(mapping => mapping.Start <= sp && sp < mapping.End).End - sp), thread.BytesInUse);
        });

        static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task The_kernel_frames_are_those_that_proc_shows()
    {
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, Everything);
        Requires.That(File.Exists($"/proc/{target.Pid}/stack") && File.ReadAllText($"/proc/{target.Pid}/stack").Length > 0, "a readable /proc/PID/stack");

        Assert.All(Probe.Threads(target.Pid), thread => Assert.Equal(File.ReadLines($"/proc/{target.Pid}/task/{thread.Tid}/stack").Count(), thread.Kernel));
    }

    [Fact]
    public async Task Kernel_threads_have_no_user_stack()
    {
        Requires.Bpf();
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers);
        var all = Probe.Threads();
        var kernel = Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(static name => int.TryParse(name, out _) && IsKernelThread(name!)).Select(static name => int.Parse(name!, CultureInfo.InvariantCulture)).ToHashSet();

        Requires.That(kernel.Count > 0, "kernel threads in this pid namespace");
        var seen = all.Where(thread => kernel.Contains(thread.Pid)).ToArray();
        Assert.NotEmpty(seen);
        Assert.All(seen, static thread => Assert.Equal((0, 0L), (thread.User, thread.BytesInUse)));
        Assert.Contains(seen, static thread => thread is { Kernel: > 0, Completeness: Completeness.Complete });
        Assert.DoesNotContain(all, thread => thread.User == 0 && !kernel.Contains(thread.Pid) && Directory.Exists($"/proc/{thread.Pid}") && !IsKernelThread($"{thread.Pid}"));

        // The ninth field is the flags; PF_KTHREAD. The name before it may hold anything.
        static bool IsKernelThread(string pid)
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{pid}/stat");
                return (uint.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[6], CultureInfo.InvariantCulture) & 0x20_0000) != 0;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task A_limit_of_frames_truncates()
    {
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:100");
        var thread = Probe.Threads(target.Pid, new() { MaxFrames = 50 }).Single(thread => thread.Tid != target.Pid);

        Assert.Equal((50, Completeness.Truncated, StackReason.FrameLimit), (thread.User, thread.Completeness, thread.Reason));
    }

    [Fact]
    public async Task The_threads_of_the_machine_include_those_of_each_process()
    {
        using var one = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:10", "poll:20");
        using var other = await ParkedTarget.Start(ParkedTarget.FramePointers, "futex:30");
        var all = Probe.Threads();

        Assert.Equal(Probe.Threads(one.Pid), all.Where(thread => thread.Pid == one.Pid));
        Assert.Equal(Probe.Threads(other.Pid), all.Where(thread => thread.Pid == other.Pid));
        Assert.Equal(all.OrderBy(static thread => thread.Pid).ThenBy(static thread => thread.Tid), all);
        Assert.Distinct(all.Select(static thread => thread.Tid));
    }
}
