using System.Diagnostics;
using System.Globalization;
using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

/// <summary>One perf event for many sites, held to the definitions that tracefs shows and to the code that the target has in memory.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class SharedUprobeEventTests
{
    private static readonly KernelProfile s_profile =
        KernelProfile.Detect(SystemCalls.Real) with { Switches = new FeatureSwitches(KernelFeatures.UprobeMulti) };

    private static string Definitions => string.Create(CultureInfo.InvariantCulture, $"stackdepth/p{Environment.ProcessId}_");

    [Theory]
    [InlineData(false, false, 1)]
    [InlineData(true, false, 1)]
    [InlineData(true, true, 1)]
    [InlineData(true, false, 3)]
    public void Every_call_is_counted_at_all_sites_and_nothing_stays_attached(bool onlyPid, bool isReturn, int together)
    {
        RequireTracefs();
        using var target = new ProbeTarget();
        using var other = new ProbeTarget();
        var code = Code(target);
        var sys = new FaultySystemCalls();
        var request = Request(target, ProbeTarget.Functions, onlyPid, isReturn);
        using var counts = BpfMap.Create(CountingProgram.Counts, sys);
        using (var leaks = new FdLeakCheck())
        {
            var attached = Enumerable.Range(0, together).Select(_ => Attach(counts, request, sys)).ToArray();
            Assert.All(attached, static probe => Assert.Equal(("perf event", ProbeTarget.Functions), (probe.Link.Kind, probe.Link.SiteCount)));
            Assert.Equal(together, sys.PerfEventOpens);
            Assert.Equal(together * ProbeTarget.Functions, Defined(Definitions));
            target.Run(100);
            target.RunInThread(23);
            other.Run(7);
            Assert.All(Code(target).Zip(code), static pair => Assert.NotEqual(pair.First, pair.Second));
            Assert.All(attached, static probe => probe.Dispose());
            Assert.All(attached, static probe => probe.Dispose());
        }

        target.Run(11);
        Assert.Equal((ulong)(together * ProbeTarget.Functions * (onlyPid ? 123 : 130)), counts.SumPerCpu<ulong>(0));
        Assert.Equal(code, Code(target));
        Assert.Equal(0, Defined(Definitions));
    }

    [Fact]
    public void Where_the_event_is_refused_each_site_has_one_of_its_own_and_the_definition_is_gone()
    {
        RequireTracefs();
        using var target = new ProbeTarget();
        var sys = new FaultySystemCalls { OnPerfEventOpen = static call => call == 1 ? -(long)Errno.EACCES : null };
        using var counts = BpfMap.Create(CountingProgram.Counts, sys);
        using (var attached = Attach(counts, Request(target, 2), sys))
        {
            Assert.Equal((3, 2), (sys.PerfEventOpens, attached.Link.SiteCount));
            Assert.Equal(0, Defined(Definitions));
            target.Run(10);
        }

        Assert.Equal(20UL, counts.SumPerCpu<ulong>(0));
    }

    [Fact]
    public void A_site_that_the_kernel_refuses_is_named_and_leaves_no_definition()
    {
        RequireTracefs();
        using var target = new ProbeTarget();
        using var counts = BpfMap.Create(CountingProgram.Counts, SystemCalls.Real);
        using var leaks = new FdLeakCheck();
        var request = Request(target, 1) with { Offsets = [target.Offsets[0], 1UL << 40], Cookies = [] };
        Assert.Contains("site 2 of 2", Assert.Throws<KernelException>(() => Attach(counts, request, SystemCalls.Real)).Message, StringComparison.Ordinal);
        Assert.Equal(0, Defined(Definitions));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Definitions_of_processes_that_have_ended_are_removed_and_those_of_others_are_not(bool hasOthers)
    {
        var root = RequireTracefs();
        using var target = new ProbeTarget();
        using var ended = Process.Start("true");
        ended.WaitForExit();
        string abandoned = $"stackdepth/p{ended.Id}_0000", alive = $"stackdepth/p{target.Pid}_0000";
        foreach (var name in hasOthers ? new[] { abandoned, alive } : [abandoned])
        {
            Define(root, $"p:{name} {ProbeTarget.Executable}:0x{target.Offsets[0]:x}\n");
        }

        Assert.Equal((1, hasOthers ? 1 : 0), (Defined(abandoned), Defined(alive)));
        using var counts = BpfMap.Create(CountingProgram.Counts, SystemCalls.Real);
        using (Attach(counts, Request(target, 2), SystemCalls.Real))
        {
            Assert.Equal((0, hasOthers ? 1 : 0), (Defined(abandoned), Defined(alive)));
        }

        if (hasOthers)
        {
            Define(root, $"-:{alive}\n");
        }
    }

    // Without emptying the file first, which would remove what others have defined.
    private static void Define(string root, string line)
    {
        using var events = new FileStream($"{root}/uprobe_events", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        events.Write(Encoding.ASCII.GetBytes(line));
    }

    private static string RequireTracefs()
    {
        Requires.SysAdmin();
        Requires.That(File.Exists($"{TracefsMount.Root}/uprobe_events"), "uprobe_events in tracefs");
        return TracefsMount.Root;
    }

    private static AttachedProbe Attach(BpfMap counts, UprobeRequest request, SystemCalls sys) => UprobeAttacher.Attach(
        CountingProgram.Build(ProgramType.Kprobe, byCookie: false), new Dictionary<string, BpfMap> { [CountingProgram.Counts.Name] = counts }, request, s_profile, sys);

    private static UprobeRequest Request(ProbeTarget target, int functions, bool onlyPid = false, bool isReturn = false) => new(
        ProbeTarget.Executable, target.Offsets[..functions], [.. Enumerable.Range(0, functions).Select(static i => (ulong)i)], onlyPid ? target.Pid : 0, isReturn);

    private static int Defined(string name) =>
        File.ReadLines($"{RequireTracefs()}/uprobe_events").Count(line => line.Contains($":{name}", StringComparison.Ordinal));

    /// <summary>The first byte of each function, as the process has it in memory.</summary>
    private static byte[] Code(ProbeTarget target)
    {
        using var memory = File.OpenHandle($"/proc/{target.Pid}/mem");
        var mappings = File.ReadLines($"/proc/{target.Pid}/maps").Where(static line => line.EndsWith(ProbeTarget.Executable, StringComparison.Ordinal)).Select(static line =>
        {
            var words = line.Split(' ');
            var range = words[0].Split('-');
            return (Start: Number(range[0]), End: Number(range[1]), Offset: Number(words[2]), IsCode: words[1].Contains('x', StringComparison.Ordinal));
        }).ToArray();
        return
        [
            .. target.Offsets.Select(offset =>
            {
                var mapping = mappings.Single(each => each.IsCode && (long)offset >= each.Offset && (long)offset < each.Offset + each.End - each.Start);
                Span<byte> first = stackalloc byte[1];
                Assert.Equal(1, RandomAccess.Read(memory, first, mapping.Start + (long)offset - mapping.Offset));
                return first[0];
            }),
        ];

        static long Number(string text) => long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
