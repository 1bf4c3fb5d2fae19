using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Features;

public sealed unsafe class FeatureTests
{
    private static readonly KernelFeatures[] Probed =
    [
        KernelFeatures.UprobeMulti, KernelFeatures.UprobeMultiProcess, KernelFeatures.PerfEventUprobe, KernelFeatures.BpfCookie, KernelFeatures.RingBuffer,
        KernelFeatures.BpfLoop, KernelFeatures.MayGoto, KernelFeatures.MapBatch, KernelFeatures.FindVma,
    ];

    [Fact]
    public void Detecting_a_profile_makes_no_call_of_bpf_and_finds_the_machine()
    {
        var sys = new FaultySystemCalls();
        var profile = KernelProfile.Detect(sys);
        Assert.All(Enum.GetValues<BpfCommand>(), command => Assert.Equal(0, sys.Calls(command)));
        Assert.True(profile.Release >= new Version(3, 0));
        Assert.InRange(profile.PossibleCpus, Environment.ProcessorCount, ProcText.MaxCpus);
        Assert.InRange(profile.MaxStackFrames, 1, 100_000);
        Assert.Equal(profile, KernelProfile.Detect(sys));
    }

    [Fact]
    public void A_profile_reads_what_the_files_say()
    {
        var sys = new FaultySystemCalls
        {
            OnReadText = static path => path switch
            {
                "/proc/sys/kernel/osrelease" => "5.10.0-8-amd64\n",
                "/sys/devices/system/cpu/possible" => "0-127\n",
                "/proc/sys/kernel/perf_event_max_stack" => "512\n",
                _ => null,
            },
        };
        var profile = KernelProfile.Detect(sys);
        Assert.Equal(new Version(5, 10, 0), profile.Release);
        Assert.Equal(128, profile.PossibleCpus);
        Assert.Equal(512, profile.MaxStackFrames);
        Assert.True(profile.Expects(KernelFeatures.RingBuffer) || !profile.Switches.IsEnabled(KernelFeatures.RingBuffer));
        Assert.False(profile.Expects(KernelFeatures.UprobeMulti));
    }

    [Fact]
    public void Features_are_switched_off_by_name()
    {
        var switches = FeatureSwitches.Parse(" uprobe_multi,bpf_loop ,");
        Assert.False(switches.IsEnabled(KernelFeatures.UprobeMulti));
        Assert.False(switches.IsEnabled(KernelFeatures.BpfLoop));
        Assert.True(switches.IsEnabled(KernelFeatures.RingBuffer));
        Assert.Equal(default, FeatureSwitches.Parse(null));
        Assert.Contains("ringbuf", Assert.Throws<ArgumentException>(() => FeatureSwitches.Parse("uprobe-multi")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_probes_agree_with_the_release()
    {
        Requires.Bpf();
        var profile = KernelProfile.Detect(SystemCalls.Real) with { Switches = default };
        Requires.Linux(6, 10);
        var probes = new FeatureProbes(SystemCalls.Real);
        Assert.All(Probed, feature => Assert.Equal((feature, FeatureAnswer.Present), (feature, probes.Ask(feature))));
    }

    [Theory]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.EOPNOTSUPP)]
    internal void A_kernel_without_a_feature_is_recognised_and_asked_once(Errno errno)
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls { OnBpf = (command, _, _) => command == BpfCommand.LinkCreate ? -(long)errno : null };
        var probes = new FeatureProbes(sys);
        Assert.Equal(FeatureAnswer.Absent, probes.Ask(KernelFeatures.UprobeMulti));
        Assert.Equal(FeatureAnswer.Absent, probes.Ask(KernelFeatures.UprobeMulti));
        Assert.Equal(1, sys.Calls(BpfCommand.LinkCreate));
    }

    [Theory]
    [InlineData(Errno.EPERM)]
    [InlineData(Errno.EMFILE)]
    [InlineData(Errno.ENOMEM)]
    internal void An_inconclusive_answer_is_asked_for_again(Errno errno)
    {
        Requires.Bpf();
        var refuse = true;
        var sys = new FaultySystemCalls { OnBpf = (_, _, _) => refuse ? -(long)errno : null };
        var probes = new FeatureProbes(sys);
        Assert.All(Probed.Where(static f => f != KernelFeatures.PerfEventUprobe), feature => Assert.Equal(FeatureAnswer.Unknown, probes.Ask(feature)));
        refuse = false;
        Assert.Equal(FeatureAnswer.Present, probes.Ask(KernelFeatures.RingBuffer));
        Assert.Equal(FeatureAnswer.Present, probes.Ask(KernelFeatures.BpfLoop));
    }

    [Theory]
    [InlineData("invalid func unknown#181\n")]
    [InlineData("invalid func bpf_loop#181\n")]
    [InlineData("program of this type cannot use helper bpf_loop#181\n")]
    internal void A_helper_that_the_verifier_does_not_know_is_absent(string log)
    {
        var sys = new FaultySystemCalls
        {
            OnBpf = (command, _, attribute) =>
            {
                var load = (ProgramLoadAttribute*)attribute;
                if (load->LogSize > 0)
                {
                    System.Text.Encoding.ASCII.GetBytes(log).CopyTo(new Span<byte>((void*)load->LogBuffer, 200));
                }

                return -(long)Errno.EINVAL;
            },
        };
        Assert.Equal(FeatureAnswer.Absent, new FeatureProbes(sys).Ask(KernelFeatures.BpfLoop));
    }
}
