using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests.Sources;

/// <summary>
/// Stacks at returns, when the callers' own return addresses have been replaced: frame 1 is the caller. The truth is the target's unwinder, in a run without probes: the depth of the callers is the
/// same in each.
/// </summary>
public sealed class ReturnStackTests
{
    private const int MostPending = 64;

    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, StackWalk, int> Cases => new(
        from flavour in (string[])["fp", "nofp"]
        from walk in (StackWalk[])[StackWalk.Auto, StackWalk.Unwind]
        from depth in (int[])[1, 2, 60, 64, 200]
        select (flavour, walk, depth));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_return_has_the_stack_of_its_caller(string flavour, StackWalk walk, int depth)
    {
        Requires.Linux(6, 13);
        var program = Program(flavour);
        // What measure(1) has above it, and it: backtrace() counts itself not, and the C library's start as frames.
        var callers = Measured(program, 1) - 1;

        var run = await Probe.URetProbe(program, "deep").Select(static s => (s.ReturnValue.ToInt32(), s.UStack.Length, s.UStack.Reason)).RunAsync(new(program, [$"deep {depth}"]), Quiet with { Walk = walk }, Cancellation);

        // The activation of level n returns to that of level n - 1, which has n - 2 callers of its kind.
        var seen = int.Min(depth, MostPending);
        Assert.Equal(Enumerable.Range(1, seen).Reverse().Select(level => (level, callers + level - 1, StackReason.None)), run.Result);
        Assert.Equal((seen, depth - seen, seen), (run.Health.Hits, run.Health.Missed, run.Health.Complete));
    }

    [Theory]
    [InlineData("fp")]
    [InlineData("nofp")]
    public async Task The_frames_are_the_callers(string flavour)
    {
        Requires.Linux(6, 13);
        var program = Program(flavour);
        var run = await Probe.URetProbe(program, "deep").MaxBy(static s => s.UStack.Length).RunAsync(new(program, ["deep 60"]), Quiet, Cancellation);
        var names = run.Result!.Stack.Frames.Select(static frame => frame.Symbol).ToArray();

        Assert.Equal([.. Enumerable.Repeat("deep", 59), "main"], names.Take(60));
        Assert.Equal((Measured(program, 1) - 1 + 59, "deep"), (run.Result.Value, run.Result.Function.Name));
        Assert.Equal(StackReason.None, run.Result.Stack.Reason);
    }

    [Fact]
    public async Task Depths_at_entries_and_returns_differ_by_the_function_itself()
    {
        Requires.Linux(6, 13);
        var program = Program("nofp");
        using var target = new LiveTarget(program);
        await using var returns = await Probe.URetProbe(program, "deep").ForProcess(target.Pid).Select(static s => s.UStack.Length).Summary().AttachAsync(cancellationToken: Cancellation);
        // Beside it, where the return addresses of the callers are the other session's.
        await using var entries = await Probe.UProbe(program, "deep").ForProcess(target.Pid).Select(static s => s.UStack.Length).Summary().AttachAsync(cancellationToken: Cancellation);
        target.Ask("deep 30");
        var (at, after) = (await entries.StopAsync(Cancellation), await returns.StopAsync(Cancellation));

        Assert.True(entries.Health.IsExact && returns.Health.IsExact, $"{entries.Health} {returns.Health}");
        Assert.Equal((30, 30), (at.Count, after.Count));
        Assert.Equal((at.Count, at.Max - 1, at.Min - 1), (after.Count, after.Max, after.Min));
    }

    [Theory]
    [InlineData(StackWalk.Kernel)]
    [InlineData(StackWalk.FramePointer)]
    public async Task Walks_by_frame_pointers_begin_with_the_caller_too_and_claim_no_more_than_at_entries(StackWalk walk)
    {
        Requires.Linux(6, 13);
        var program = Program("fp");
        var callers = Measured(program, 1) - 1;
        var run = await Probe.URetProbe(program, "deep").Select(static s => (s.ReturnValue.ToInt32(), s.UStack.Length)).RunAsync(new(program, ["deep 60"]), Quiet with { Walk = walk }, Cancellation);

        // glibc's start keeps no frame pointers: what these walks count of it is the same for all, not all of it, and never proved.
        Assert.Equal((60, 0), (run.Health.Hits, run.Health.Complete));
        var missing = callers + 59 - run.Result[0].Item2;
        Assert.InRange(missing, 0, 3);
        Assert.Equal(Enumerable.Range(1, 60).Reverse().Select(level => (level, callers + level - 1 - missing)), run.Result);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_sessions_the_returns_and_their_stacks_are_the_same(bool byPerfEvents)
    {
        Requires.SysAdmin();
        var program = Program("nofp");
        var callers = Measured(program, 1) - 1;
        var kernel = KernelProfile.Detect(SystemCalls.Real) with { Switches = new(byPerfEvents ? KernelFeatures.UprobeMulti : KernelFeatures.UprobeSession) };
        var run = await Probe.URetProbe(program, "deep").Select(static s => (s.ReturnValue.ToInt32(), s.UStack.Length, s.UStack.Reason)).RunAsync(new(program, ["deep 60"]), Quiet with { Kernel = kernel }, Cancellation);

        Assert.Equal(Enumerable.Range(1, 60).Reverse().Select(level => (level, callers + level - 1, StackReason.None)), run.Result);
        Assert.True(run.Health.IsExact, run.Health.ToString());
    }

    private static string Program(string flavour) => CTarget.Of(
        "returns.c", $"returns-{flavour}", ["-O1", "-g", "-fno-optimize-sibling-calls", "-pthread", flavour == "fp" ? "-fno-omit-frame-pointer" : "-fomit-frame-pointer"]);

    private static int Measured(string program, int depth)
    {
        using var target = new LiveTarget(program);
        return int.Parse(Assert.Single(target.Ask($"measure {depth}")), CultureInfo.InvariantCulture);
    }
}
