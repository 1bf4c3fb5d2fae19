using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed unsafe class UprobeFallbackTests
{
    private static readonly KernelProfile Profile = KernelProfile.Detect(SystemCalls.Real) with { Switches = default };

    private static bool IsMulti(BpfCommand command, void* attribute) =>
        command == BpfCommand.LinkCreate && ((LinkCreateAttribute*)attribute)->AttachType == (uint)AttachType.TraceUprobeMulti;

    private static UprobeRequest Request(ProbeTarget target, int functions = 1) =>
        new(ProbeTarget.Executable, target.Offsets[..functions], [.. Enumerable.Range(0, functions).Select(static i => (ulong)i)], 0, false);

    [Theory]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.EOPNOTSUPP)]
    internal void A_kernel_without_uprobe_multi_falls_back_to_perf_events_and_says_why(Errno answer)
    {
        Requires.SysAdmin();
        using var target = new ProbeTarget();
        var sys = new FaultySystemCalls { OnBpf = (command, _, attribute) => IsMulti(command, attribute) ? -(long)answer : null };
        var maps = CountingProgram.Maps(sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using (var attached = UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target, 2), Profile, sys))
        {
            Assert.Equal("perf event", attached.Link.Kind);
            Assert.Contains(answer.ToString(), attached.FallbackReason, StringComparison.Ordinal);
            Assert.Contains("no uprobe_multi", attached.FallbackReason, StringComparison.Ordinal);
            target.Run(11);
        }

        Assert.Equal(11UL, counts.SumPerCpu<ulong>(1));
    }

    [Fact]
    public void A_refusal_for_lack_of_privilege_is_no_reason_to_fall_back()
    {
        Requires.Bpf();
        using var target = new ProbeTarget();
        var sys = new FaultySystemCalls { OnBpf = static (command, _, attribute) => IsMulti(command, attribute) ? -(long)Errno.EPERM : null };
        var maps = CountingProgram.Maps(sys);
        using var counts = maps[CountingProgram.Counts.Name];
        var error = Assert.Throws<KernelException>(() => UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target), Profile, sys));
        Assert.Equal(Errno.EPERM, error.Errno);
        Assert.Equal(0, sys.PerfEventOpens);
        Assert.Equal(1, sys.Calls(BpfCommand.LinkCreate));
    }

    [Fact]
    public void When_both_ways_fail_the_error_has_both_reasons_and_nothing_stays_open()
    {
        Requires.Bpf();
        using var target = new ProbeTarget();
        var sys = new FaultySystemCalls
        {
            OnBpf = static (command, _, attribute) => IsMulti(command, attribute) ? -(long)Errno.EINVAL : null,
            OnPerfEventOpen = static call => call == 2 ? -(long)Errno.EACCES : null,
        };
        var maps = CountingProgram.Maps(sys);
        using var counts = maps[CountingProgram.Counts.Name];
        _ = CapabilitySet.Current(sys);
        using var leaks = new FdLeakCheck();
        var error = Assert.Throws<KernelException>(() => UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target, 3), Profile, sys));
        Assert.Contains("By uprobe_multi:", error.Message, StringComparison.Ordinal);
        Assert.Contains("By perf events:", error.Message, StringComparison.Ordinal);
        Assert.Contains("site 2 of 3", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, Assert.IsType<AggregateException>(error.InnerException).InnerExceptions.Count);
    }

    [Fact]
    public void Without_links_to_perf_events_the_program_is_attached_by_ioctl_unless_a_cookie_is_asked_for()
    {
        Requires.SysAdmin();
        using var target = new ProbeTarget();
        var sys = new FaultySystemCalls { OnBpf = static (command, _, _) => command == BpfCommand.LinkCreate ? -(long)Errno.EINVAL : null };
        var maps = CountingProgram.Maps(sys);
        using var counts = maps[CountingProgram.Counts.Name];
        var off = Profile with { Switches = new FeatureSwitches(KernelFeatures.UprobeMulti) };
        using (UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target) with { Cookies = [] }, off, sys))
        {
            target.Run(5);
        }

        Assert.Equal(5UL, counts.SumPerCpu<ulong>(0));
        var error = Assert.Throws<KernelException>(() => UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target) with { Cookies = [9] }, off, sys));
        Assert.Contains("5.15", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_early_uprobe_multi_that_takes_a_pid_for_a_thread_is_not_used_for_a_process()
    {
        Requires.SysAdmin();
        Requires.Linux(6, 6);
        using var target = new ProbeTarget();

        // Such a kernel looks at the path before the pid, and the root directory is no file.
        var sys = new FaultySystemCalls
        {
            OnBpf = static (command, _, attribute) => IsMulti(command, attribute) && ((LinkCreateAttribute*)attribute)->UprobeMulti.Pid < 0 ? -(long)Errno.EBADF : null,
        };
        var maps = CountingProgram.Maps(sys);
        using var counts = maps[CountingProgram.Counts.Name];
        var early = Profile with { Release = new Version(6, 6, 10) };
        using var one = UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target) with { Pid = target.Pid }, early, sys);
        Assert.Contains("single thread", one.FallbackReason, StringComparison.Ordinal);
        using var all = UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target), early, sys);
        Assert.Null(all.FallbackReason);
    }

    [Fact]
    public void Both_ways_can_be_switched_off()
    {
        Requires.Bpf();
        using var target = new ProbeTarget();
        var maps = CountingProgram.Maps(SystemCalls.Real);
        using var counts = maps[CountingProgram.Counts.Name];
        var off = Profile with { Switches = FeatureSwitches.Parse("uprobe_multi, perf_uprobe") };
        var error = Assert.Throws<KernelException>(() => UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target), off, SystemCalls.Real));
        Assert.Contains("switched off", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_invalid_argument_is_told_apart()
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var target = new ProbeTarget();
        var maps = CountingProgram.Maps(SystemCalls.Real);
        using var counts = maps[CountingProgram.Counts.Name];
        string Fails(UprobeRequest request, ProgramSpec? spec = null) => Assert.ThrowsAny<KernelException>(
            () => UprobeAttacher.Attach(spec ?? CountingProgram.Spec, maps, request, Profile, SystemCalls.Real).Dispose()).Message;

        var good = Request(target);
        Assert.Contains("beyond the end of the file", Fails(good with { Offsets = [1UL << 40] }), StringComparison.Ordinal);
        Assert.Contains("does not exist", Fails(good with { AttachPath = "/nowhere/at/all" }), StringComparison.Ordinal);
        Assert.Contains("directory", Fails(good with { AttachPath = "/tmp" }), StringComparison.Ordinal);
        Assert.Contains("does not exist", Fails(good with { Pid = int.MaxValue }), StringComparison.Ordinal);

        // The kernel accepts a program that was loaded without the type nowhere but at perf events.
        using var program = BpfProgram.Load(CountingProgram.Spec, maps, SystemCalls.Real);
        var error = Assert.Throws<KernelException>(() => UprobeMultiLink.Attach(program, good, SystemCalls.Real));
        Assert.Contains("expected attach type", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_that_contradicts_itself_is_refused_before_the_kernel_sees_it()
    {
        var good = new UprobeRequest("/bin/true", [1, 2], [], 0, false);
        good.Validate();
        Assert.Throws<ArgumentException>((good with { Offsets = [1, 1] }).Validate);
        Assert.Throws<ArgumentException>((good with { Offsets = [] }).Validate);
        Assert.Throws<ArgumentException>((good with { Cookies = [1] }).Validate);
        Assert.Throws<ArgumentException>((good with { Pid = -1 }).Validate);
        Assert.Throws<ArgumentException>((good with { AttachPath = "a\0b" }).Validate);
    }
}
