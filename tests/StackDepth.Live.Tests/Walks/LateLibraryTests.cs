using StackDepth.Live.Tests.Support;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests.Walks;

/// <summary>
/// A library that is opened while the probe is attached, and is on a stack a moment later: its table is there, so the first stack through it is whole. The walker alone would learn of it
/// from that stack, and call it broken.
/// </summary>
public sealed class LateLibraryTests
{
    private const int Depth = 7;

    private static readonly AttachOptions Options = new() { Walk = StackWalk.Unwind, CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Library => Builds.C("late.so", "-O2", "-shared", "-fPIC", "-DSIZE=56", "library.c");

    [Fact]
    public async Task A_command_opens_a_library()
    {
        var program = Program("command");
        var run = await Hits(Probe.UProbe(program, "late_leaf")).RunAsync(new(program, [Library, $"{Depth}"]), Options, Cancellation);
        AreWhole(run.Result);
    }

    [Fact]
    public async Task A_descendant_of_a_command_opens_a_library()
    {
        var program = Program("descendant");
        var run = await Hits(Probe.UProbe(program, "late_leaf")).RunAsync(new("/bin/sh", ["-c", $"{program} {Library} {Depth}; exit 0"]), Options, Cancellation);
        AreWhole(run.Result);
    }

    [Fact]
    public async Task A_process_that_is_probed_alone_opens_a_library()
    {
        var program = Program("process");
        using var target = new LiveTarget(program);
        AreWhole(await Hits(Probe.UProbe(program, "late_leaf").ForProcess(target.Pid), target));
    }

    [Fact]
    public async Task One_of_all_processes_opens_a_library()
    {
        var program = Program("all");
        using var target = new LiveTarget(program);
        AreWhole(await Hits(Probe.UProbe(program, "late_leaf"), target));
    }

    [Fact]
    public async Task A_process_that_starts_later_opens_a_library()
    {
        var program = Program("later");
        List<(int Length, StackReason Reason)> hits = [];
        using (Hits(Probe.UProbe(program, "late_leaf")).Observe(Options).Subscribe(hit => Add(hits, hit)))
        {
            using var target = new LiveTarget(program);
            await Drive(target);
            await Eventually.True(() => Count(hits) >= 2, "two hits come");
        }

        AreWhole(hits);
    }

    [Fact]
    public async Task A_kernel_that_tells_of_no_mappings_is_no_obstacle()
    {
        Requires.That(KernelProfile.Detect(SystemCalls.Real).Expects(KernelFeatures.UprobeMulti), "uprobe_multi links, as perf events are refused here");
        var program = Program("refused");
        using var target = new LiveTarget(program);
        var options = Options with { SystemCalls = new FaultySystemCalls { OnPerfEventOpen = static _ => -(long)Errno.EPERM } };
        var hits = await Hits(Probe.UProbe(program, "late_leaf").ForProcess(target.Pid), target, options);
        Assert.Equal(StackReason.TablePending, hits[0].Reason);
    }

    // Two frames a level; what is above main is the C library's affair.
    private static void AreWhole(IReadOnlyList<(int Length, StackReason Reason)> hits)
    {
        Assert.Equal([StackReason.None, StackReason.None], hits.Select(static hit => hit.Reason));
        Assert.Equal(2 * (Depth - 1), hits[0].Length - hits[1].Length);
        Assert.InRange(hits[1].Length, 4, 10);
    }

    private static string Program(string name) => Builds.C("late-" + name, "-O2", $"-DNAME={name}", "late.c");

    private static ProbeStream<(int, StackReason)> Hits(ProbeSource<EntryContext> source) => source.Select(hit => (hit.UStack.Length, hit.UStack.Reason));

    private static async Task<List<(int Length, StackReason Reason)>> Hits(ProbeSource<EntryContext> source, LiveTarget target, AttachOptions? options = null)
    {
        List<(int Length, StackReason Reason)> hits = [];
        using (Hits(source).Observe(options ?? Options).Subscribe(hit => Add(hits, hit)))
        {
            await Drive(target);
            await Eventually.True(() => Count(hits) >= 2, "two hits come");
        }

        return hits;
    }

    // There is no sign of a table's arrival that would not be a stack's: the moment is a long one.
    private static async Task Drive(LiveTarget target)
    {
        target.Ask($"open {Library}");
        await Task.Delay(200, Cancellation);
        target.Ask($"call {Depth}");
        target.Ask("call 1");
    }

    private static void Add(List<(int Length, StackReason Reason)> hits, (int, StackReason) hit)
    {
        lock (hits)
            hits.Add(hit);
    }

    private static int Count(List<(int Length, StackReason Reason)> hits)
    {
        lock (hits)
            return hits.Count;
    }
}
