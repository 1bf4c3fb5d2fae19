using System.Diagnostics;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests.Threads;

/// <summary>What cannot be looked at is said, with what to do about it; and nothing is left behind.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class ThreadErrorTests
{
    private static ThreadOptions With(SystemCalls sys) => new() { SystemCalls = sys };

    [Fact]
    public void No_such_process()
    {
        Requires.Bpf();
        var error = Assert.Throws<ProbeTargetNotFoundException>(static () => Probe.Threads(int.MaxValue));
        Assert.Contains($"{int.MaxValue}", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("pid", static () => Probe.Threads(0));
        Assert.Throws<ArgumentOutOfRangeException>("pid", static () => Probe.Threads(-1));
        Assert.Throws<ArgumentOutOfRangeException>(static () => new ThreadOptions { MaxFrames = 0 });
    }

    [Fact]
    public async Task Missing_privileges_are_named_with_the_remedy()
    {
        Requires.Bpf();
        Requires.Tool("setpriv");
        using var process = Process.Start(new ProcessStartInfo(
            "setpriv", ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "dotnet", typeof(ThreadErrorTests).Assembly.Location, Program.Threads, "all"])
        { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 1, output);
        Assert.Contains("CAP_BPF and CAP_PERFMON", output, StringComparison.Ordinal);
        Assert.Contains("sudo setcap cap_bpf,cap_perfmon+ep", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)BpfCommand.LinkCreate, (int)Errno.E2BIG, "5.19.0", "need Linux 6.1 or later")]
    [InlineData((int)BpfCommand.LinkCreate, (int)Errno.EINVAL, "5.10.0", "Linux 6.1 or later, and this is 5.10.0")]
    [InlineData((int)BpfCommand.IterCreate, (int)Errno.EPERM, null, "threads")]
    [InlineData((int)BpfCommand.ProgLoad, (int)Errno.EPERM, null, "load a BPF program")]
    public unsafe void A_kernel_that_refuses_is_an_error_that_says_what_it_takes(int command, int errno, string? release, string said)
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls
        {
            OnBpf = (asked, _, _) => (int)asked == command ? -errno : null,
            OnReadText = path => path == "/proc/sys/kernel/osrelease" ? release : null,
        };
        using (new FdLeakCheck())
        {
            var error = Assert.Throws<ProbeUnavailableException>(() => Probe.Threads(Environment.ProcessId, With(sys)));
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
            Assert.NotEmpty(error.Remedy);
        }
    }

    [Fact]
    public void A_read_that_is_interrupted_goes_on_and_one_that_fails_is_an_error()
    {
        Requires.Bpf();
        using (new FdLeakCheck())
        {
            Assert.Contains(Probe.Threads(Environment.ProcessId, With(new FailingReads(Errno.EINTR, every: 2))), static thread => thread.Tid == Environment.ProcessId);
            Assert.Contains(Probe.Threads(Environment.ProcessId, With(new FailingReads(Errno.EAGAIN, every: 2))), static thread => thread.Tid == Environment.ProcessId);
            var error = Assert.Throws<ProbeUnavailableException>(static () => Probe.Threads(Environment.ProcessId, With(new FailingReads(Errno.ENOMEM, every: 2))));
            Assert.Contains("ENOMEM", error.Message, StringComparison.Ordinal);
            Assert.Throws<ProbeUnavailableException>(static () => Probe.Threads(Environment.ProcessId, With(new FailingReads(Errno.EINTR, every: 1))));
        }
    }

    [Fact]
    public async Task Memory_that_may_not_be_read_breaks_what_is_deep_and_no_more()
    {
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:1", "read:2000");
        var seen = Probe.Threads(target.Pid, With(new NoMemoryReads())).ToDictionary(static thread => thread.Tid);

        var (shallow, deep) = (seen[Tid(1)], seen[Tid(2000)]);
        Assert.Equal(StackReason.None, shallow.Reason);
        Assert.Equal((Completeness.Broken, StackReason.ReadFailed), (deep.Completeness, deep.Reason));
        Assert.InRange(deep.User, 50, 1999);

        int Tid(int depth) => target.Threads.First(thread => thread.Depth == depth && thread.Tid != target.Pid).Tid;
    }

    [Fact]
    public async Task Calls_leave_nothing_behind()
    {
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:2000", "spin:10");
        Look();
        using (new FdLeakCheck())
        {
            for (var round = 0; round < 50; round++)
                Look();
        }

        // Each of those at the same time has its own programs, and the last ones may be others than the first.
        var before = FdLeakCheck.Snapshot().Count;
        Parallel.For(0, 16, _ => Look());
        await Eventually.True(() => FdLeakCheck.Snapshot().Count == before, "as many files are open as before");

        void Look()
        {
            Assert.NotEmpty(Probe.Threads(target.Pid));
            Assert.NotEmpty(Probe.Threads());
        }
    }

    /// <summary>Every so many reads fail.</summary>
    private sealed unsafe class FailingReads(Errno errno, int every) : SystemCalls
    {
        private int _reads;

        internal override long Read(int fd, void* buffer, nuint length) => ++_reads % every == 0 ? -(long)errno : base.Read(fd, buffer, length);
    }

    private sealed unsafe class NoMemoryReads : SystemCalls
    {
        internal override long PRead(int fd, void* buffer, nuint length, long offset) => -(long)Errno.EIO;
    }
}
