using System.Runtime.InteropServices;
using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Link;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed class KprobeLiveTests
{
    private static readonly SystemCalls Sys = SystemCalls.Real;
    private static readonly Architecture Machine = RuntimeInformation.ProcessArchitecture;

    private static KernelProfile Profile(bool multi) =>
        KernelProfile.Detect(Sys) with { Switches = new FeatureSwitches(multi ? KernelFeatures.None : KernelFeatures.KprobeMulti) };

    private static void Needs(bool multi)
    {
        Requires.Bpf();
        Requires.KernelHas(File.Exists(ProbePmu.KprobeTypePath), "kprobes (CONFIG_KPROBE_EVENTS)", 4, 17);
        Requires.KernelHas(FeatureProbes.Shared.Ask(KernelFeatures.Fentry) == FeatureAnswer.Present, "fentry, which calls the test's functions", 5, 5);
        if (multi)
        {
            // Linux 5.18 can have it; Debian's 6.1 is built without CONFIG_FPROBE.
            Requires.KernelHas(FeatureProbes.Shared.Ask(KernelFeatures.KprobeMulti) == FeatureAnswer.Present, "kprobe_multi (CONFIG_FPROBE)", 6, 12);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Every_call_of_several_functions_is_counted_at_its_own_cookie(bool multi, bool isReturn)
    {
        Needs(multi);
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using var functions = new BpfTestFunctions();
        var found = KernelFunctionFinder.Read(Sys).Find("bpf_fentry_test[2-4]", KernelProbeKind.Kprobe, 3).Functions;
        var request = new KprobeRequest(found, [.. found.Select(static f => (ulong)(f.Name[^1] - '0'))], isReturn);
        using (var attached = KprobeAttacher.Attach(CountingProgram.Spec, maps, request, Profile(multi), Sys))
        {
            Assert.Equal(multi ? "kprobe_multi" : "perf event", attached.Link.Kind);
            Assert.Equal(3, attached.Link.SiteCount);
            Assert.Equal(multi, attached.FallbackReason is null);
            for (var i = 0; i < 50; i++)
            {
                functions.Call();
            }
        }

        functions.Call();
        Assert.Equal([0UL, 0, 50, 50, 50, 0], Enumerable.Range(0, 6).Select(i => counts.SumPerCpu<ulong>((uint)i)));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 6)]
    [InlineData(true, 3)]
    [InlineData(true, 6)]
    public void Arguments_lie_where_the_calling_convention_has_them(bool multi, int function)
    {
        Needs(multi);
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        var places = Enumerable.Range(0, function).Select(static i => KernelArguments.Kprobe(i, Machine)).ToArray();
        Assert.All(places, static place => Assert.Equal(ArgumentBase.Context, place.Base));
        var signature = BpfTestFunctions.Types.FindSignature($"bpf_fentry_test{function}")!;
        Assert.Equal(places, Enumerable.Range(0, function).Select(i => KernelArguments.Kprobe(signature, i, Machine)!.Value));
        using (KprobeAttacher.Attach(
            RecordingProgram.Build(ProgramType.Kprobe, [.. places.Select(static place => place.Offset)]), record.Maps, new([BpfTestFunctions.Find(function)], [], false), Profile(multi), Sys))
        {
            functions.Call();
        }

        Assert.Equal(1UL, record.Hits);
        Assert.Equal(
            Enumerable.Range(BpfTestFunctions.FirstArgument(function), function).Select(static value => (ulong)value),
            Enumerable.Range(0, function).Select(i => record.Read(i + 1) & (ulong.MaxValue >> (64 - 8 * signature.Parameters[i].Size))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_result_lies_where_the_calling_convention_has_it(bool multi)
    {
        Needs(multi);
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        using (KprobeAttacher.Attach(
            RecordingProgram.Build(ProgramType.Kprobe, KernelArguments.KprobeResult(Machine).Offset), record.Maps, new([BpfTestFunctions.Find(5)], [], true), Profile(multi), Sys))
        {
            functions.Call();
        }

        Assert.Equal(1UL, record.Hits);
        Assert.Equal(BpfTestFunctions.Result(5), record.Read(1) & uint.MaxValue);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Functions_are_found_by_name_where_their_addresses_are_hidden(bool multi)
    {
        Needs(multi);
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        var request = new KprobeRequest([new("bpf_fentry_test1"), new("bpf_fentry_test2")], [], false);
        using (KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, request, Profile(multi), Sys))
        {
            functions.Call();
        }

        Assert.Equal(2UL, record.Hits);
    }

    [Fact]
    public void An_instruction_within_a_function_is_probed_by_a_perf_event()
    {
        Needs(multi: false);
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        var function = BpfTestFunctions.Find(1);

        // Both machines' compilers put a call of ftrace, or the place for one, first: 5 bytes behind endbr64 where that is, or 4.
        var first = Machine == Architecture.Arm64 ? 4UL : 5;
        KernelException? failure = null;
        foreach (var offset in new[] { first, first + 4, first + 8 })
        {
            try
            {
                using var attached = KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, new([function], [], false, offset), Profile(multi: true), Sys);
                Assert.Equal("perf event", attached.Link.Kind);
                Assert.Contains("no offsets", attached.FallbackReason, StringComparison.Ordinal);
                functions.Call();
                failure = null;
                break;
            }
            catch (KernelException error)
            {
                failure = error;
                Assert.Contains("start of an instruction", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.Null(failure);
        Assert.Equal(1UL, record.Hits);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_function_that_is_not_there_is_named(bool multi)
    {
        Needs(multi);
        using var record = new RecordingProgram();
        var error = Assert.Throws<KernelException>(() => KprobeAttacher.Attach(
            RecordingProgram.Build(ProgramType.Kprobe), record.Maps, new([new("bpf_fentry_test1"), new("no_such_function_here")], [], false), Profile(multi), Sys));
        Assert.Contains(multi ? "available_filter_functions" : "no_such_function_here", error.Message, StringComparison.Ordinal);
        Assert.Contains(multi ? "2 kernel functions" : "number 2 of 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_that_handles_probes_itself_is_refused_with_the_reason()
    {
        Needs(multi: false);
        var finder = KernelFunctionFinder.Read(Sys);
        var error = Assert.Throws<Native.Targets.TargetException>(() => finder.Find("kprobe_ftrace_handler", KernelProbeKind.Kprobe, 1));
        Assert.Contains("handles probes", error.Message, StringComparison.Ordinal);

        // What the kernel itself says about one that slipped through.
        using var record = new RecordingProgram();
        var refused = Assert.Throws<KernelException>(() => KprobeAttacher.Attach(
            RecordingProgram.Build(ProgramType.Kprobe), record.Maps, new([new("kprobe_ftrace_handler")], [], false), Profile(multi: false), Sys));
        Assert.Contains("handles probes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attaching_again_and_again_leaves_no_open_file_behind()
    {
        Needs(multi: true);
        using var functions = new BpfTestFunctions();
        var found = KernelFunctionFinder.Read(Sys).Find("bpf_fentry_test?", KernelProbeKind.Kprobe, 20).Functions;
        using var record = new RecordingProgram();
        void Round(bool multi)
        {
            using var attached = KprobeAttacher.Attach(RecordingProgram.Build(ProgramType.Kprobe), record.Maps, new(found, [], false), Profile(multi), Sys);
            Assert.NotEqual(0u, attached.Program.Info.Id);
        }

        Round(true);
        using var leaks = new FdLeakCheck();
        for (var i = 0; i < 10; i++)
        {
            Round(i % 5 != 0);
        }

        functions.Call();
        Assert.Equal(0UL, record.Hits);
    }
}
