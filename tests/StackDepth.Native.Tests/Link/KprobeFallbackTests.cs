using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Link;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed unsafe class KprobeFallbackTests
{
    private static readonly KernelProfile s_profile = KernelProfile.Detect(SystemCalls.Real) with { Switches = default };

    private static bool IsMulti(BpfCommand command, void* attribute) =>
        command == BpfCommand.LinkCreate && ((LinkCreateAttribute*)attribute)->AttachType == (uint)AttachType.TraceKprobeMulti;

    private static KprobeRequest Request(int functions = 1, ulong offset = 0) =>
        new([.. Enumerable.Range(1, functions).Select(static i => new KernelFunction($"bpf_fentry_test{i}"))], [], false, offset);

    private static FaultySystemCalls Kernel(Errno multi, Func<int, long?>? perfEvent = null) => new()
    {
        OnBpf = (command, _, attribute) => IsMulti(command, attribute) ? -(long)multi : null,
        OnPerfEventOpen = perfEvent ?? (static _ => null),
        OnReadText = static path => path switch
        {
            ProbePmu.KprobeTypePath => "6\n",
            ProbePmu.KprobeReturnPath => "config:0\n",
            _ => null,
        },
    };

    [Theory]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.EOPNOTSUPP)]
    internal void Without_kprobe_multi_and_perf_events_the_error_has_both_reasons_and_nothing_stays_open(Errno answer)
    {
        Requires.Bpf();
        using var record = new RecordingProgram();
        var sys = Kernel(answer, static _ => -(long)Errno.EACCES);
        _ = CapabilitySet.Current(sys);
        using var leaks = new FdLeakCheck();
        var error = Assert.Throws<KernelException>(() => KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, Request(2), s_profile, sys));
        Assert.Contains("By kprobe_multi:", error.Message, StringComparison.Ordinal);
        Assert.Contains("no kprobe_multi", error.Message, StringComparison.Ordinal);
        Assert.Contains("By perf events:", error.Message, StringComparison.Ordinal);
        Assert.Contains("bpf_fentry_test1, number 1 of 2", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, Assert.IsType<AggregateException>(error.InnerException).InnerExceptions.Count);
        Assert.Equal(1, sys.PerfEventOpens);
    }

    [Fact]
    public void A_refusal_for_lack_of_privilege_is_no_reason_to_fall_back()
    {
        Requires.Bpf();
        using var record = new RecordingProgram();
        var sys = Kernel(Errno.EPERM);
        var error = Assert.Throws<KernelException>(() => KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, Request(), s_profile, sys));
        Assert.Equal(Errno.EPERM, error.Errno);
        Assert.Equal(0, sys.PerfEventOpens);
    }

    [Fact]
    public void A_kernel_without_the_PMU_says_what_would_do_instead()
    {
        Requires.Bpf();
        using var record = new RecordingProgram();
        var sys = new FaultySystemCalls { OnReadText = static path => path == ProbePmu.KprobeTypePath ? "" : null };
        var off = s_profile with { Switches = new FeatureSwitches(KernelFeatures.KprobeMulti) };
        var error = Assert.Throws<KernelException>(() => KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, Request(), off, sys));
        Assert.Equal(Errno.ENODEV, error.Errno);
        Assert.Contains("CONFIG_KPROBE_EVENTS", error.Message, StringComparison.Ordinal);
        Assert.Contains("tracepoint", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, sys.PerfEventOpens);
    }

    [Fact]
    public void The_type_and_the_bit_for_returns_are_those_of_sysfs()
    {
        Assert.Equal(new ProbePmu(6, 0), ProbePmu.OfKprobes(Kernel(Errno.EINVAL)));
        var odd = new FaultySystemCalls { OnReadText = static path => path == ProbePmu.KprobeTypePath ? "11" : "config:7" };
        Assert.Equal(new ProbePmu(11, 7), ProbePmu.OfKprobes(odd));
        var broken = new FaultySystemCalls { OnReadText = static path => path == ProbePmu.KprobeTypePath ? "11" : "config1:0-15" };
        Assert.Contains(ProbePmu.KprobeReturnPath, Assert.Throws<KernelException>(() => ProbePmu.OfKprobes(broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_that_contradict_themselves_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new KprobeRequest([], [], false).Validate());
        Assert.Throws<ArgumentException>(() => new KprobeRequest([new("a"), new("a")], [], false).Validate());
        Assert.Throws<ArgumentException>(() => new KprobeRequest([new("a", 1), new("b", 1)], [], false).Validate());
        Assert.Throws<ArgumentException>(() => new KprobeRequest([new("a")], [1, 2], false).Validate());
        Assert.Throws<ArgumentException>(() => new KprobeRequest([new("a")], [], true, 4).Validate());
        Assert.Throws<ArgumentException>(() => new KprobeRequest([new("a\0b")], [], false).Validate());
        new KprobeRequest([new("a", 1), new("a", 2)], [], false).Validate();
    }
}
