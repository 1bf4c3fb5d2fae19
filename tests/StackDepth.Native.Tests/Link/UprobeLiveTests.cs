using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed class UprobeLiveTests
{
    private static readonly SystemCalls Sys = SystemCalls.Real;

    private static KernelProfile Profile(KernelFeatures disabled = KernelFeatures.None) =>
        KernelProfile.Detect(Sys) with { Switches = new FeatureSwitches(disabled) };

    private static UprobeRequest Request(ProbeTarget target, int functions, bool onlyPid = false, bool isReturn = false) => new(
        ProbeTarget.Executable, target.Offsets[..functions], [.. Enumerable.Range(0, functions).Select(static i => (ulong)i)], onlyPid ? target.Pid : 0, isReturn);

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(1, true, false)]
    [InlineData(ProbeTarget.Functions, false, false)]
    [InlineData(ProbeTarget.Functions, true, true)]
    public void Uprobe_multi_counts_every_hit_at_its_own_cookie(int functions, bool onlyPid, bool isReturn)
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var target = new ProbeTarget();
        CountsExactly(target, Request(target, functions, onlyPid, isReturn), Profile(), "uprobe_multi");
    }

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(4, true, false)]
    [InlineData(2, true, true)]
    public void Perf_events_count_every_hit_at_its_own_cookie(int functions, bool onlyPid, bool isReturn)
    {
        Requires.SysAdmin();
        using var target = new ProbeTarget();
        CountsExactly(target, Request(target, functions, onlyPid, isReturn), Profile(KernelFeatures.UprobeMulti), "perf event");
    }

    private static void CountsExactly(ProbeTarget target, UprobeRequest request, KernelProfile profile, string kind)
    {
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using (var attached = UprobeAttacher.Attach(CountingProgram.Spec, maps, request, profile, Sys))
        {
            Assert.Equal(kind, attached.Link.Kind);
            Assert.Equal(request.Offsets.Length, attached.Link.SiteCount);
            Assert.Equal(kind == "uprobe_multi", attached.FallbackReason is null);
            target.Run(1000);
            target.RunInThread(234);
        }

        // Detached: these are not counted.
        target.Run(100);
        for (var i = 0; i < ProbeTarget.Functions; i++)
        {
            Assert.Equal(i < request.Offsets.Length ? 1234UL : 0, counts.SumPerCpu<ulong>((uint)i));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_probe_of_one_process_does_not_count_another(bool byPerfEvent)
    {
        Requires.SysAdmin();
        using var target = new ProbeTarget();
        using var other = new ProbeTarget();
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using (UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target, 1, onlyPid: true), Profile(byPerfEvent ? KernelFeatures.UprobeMulti : 0), Sys))
        {
            other.Run(50);
            target.Run(7);
            other.RunInThread(50);
        }

        Assert.Equal(7UL, counts.SumPerCpu<ulong>(0));
    }

    [Fact]
    public void The_file_is_probed_through_a_descriptor_even_after_its_name_is_gone()
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var target = new ProbeTarget();
        var link = Path.Combine(Path.GetTempPath(), $"stackdepth-{Guid.NewGuid():N}");
        File.CreateSymbolicLink(link, ProbeTarget.Executable);
        using var file = File.OpenHandle(link);
        File.Delete(link);
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        var request = Request(target, 1) with { AttachPath = $"/proc/self/fd/{(int)file.DangerousGetHandle()}" };
        using (UprobeAttacher.Attach(CountingProgram.Spec, maps, request, Profile(), Sys))
        {
            target.Run(3);
        }

        Assert.Equal(3UL, counts.SumPerCpu<ulong>(0));
    }

    [Fact]
    public void Attaching_again_and_again_leaves_no_open_file_behind()
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var target = new ProbeTarget();
        void Round(KernelProfile profile, int functions)
        {
            var maps = CountingProgram.Maps(Sys);
            using var counts = maps[CountingProgram.Counts.Name];
            using var attached = UprobeAttacher.Attach(CountingProgram.Spec, maps, Request(target, functions), profile, Sys);
            Assert.NotEqual(0u, attached.Program.Info.Id);
        }

        var profile = Profile();
        Round(profile, 2);
        using var leaks = new FdLeakCheck();
        for (var i = 0; i < 20; i++)
        {
            Round(profile, 2);
        }

        Round(Profile(KernelFeatures.UprobeMulti), 2);
    }
}
