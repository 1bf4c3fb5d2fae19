using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>Stacks as values of streams and as keys, against what libgcc's unwinder finds in the target itself.</summary>
public sealed class StackValueTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, StackWalk> Builds => new(
        from build in (string[])["fp", "nofp", "static"]
        from walk in (StackWalk[])[StackWalk.Auto, StackWalk.Unwind]
        select (build, walk));

    [Theory]
    [MemberData(nameof(Builds))]
    public async Task A_stream_delivers_every_frame_of_a_stack(string build, StackWalk walk)
    {
        foreach (var (mode, depth) in ((string, int)[])[("even", 0), ("even", 5), ("even", 50), ("even", 3000), ("random", 3), ("random", 7), ("random", 900)])
        {
            var (run, report) = await Run(Probe.UProbe(Target(build), "leaf").Select(s => s.UStack.By(walk).Frames), build, mode, depth);
            var stack = Assert.Single(run.Result);
            Assert.Equal((StackReason.None, 0), (stack.Reason, stack.Omitted));
            Assert.Equal(report.Frames, stack.Frames.Skip(1).Select(static frame => frame.Address));
            Assert.Equal(["leaf", mode == "even" ? depth % 2 == 0 ? "even" : "odd" : stack.Frames[1].Symbol], stack.Frames.Take(2).Select(static frame => frame.Symbol));
            Assert.Contains("main", stack.Frames.Select(static frame => frame.Symbol));
            Assert.Equal(report.Tid, stack.ProcessId);
            Assert.Equal((1, 1, true), (run.Health.Hits, run.Health.Complete, run.Health.IsExact));
        }
    }

    [Fact]
    public async Task Of_a_deep_stack_the_ends_are_delivered_and_recursion_takes_no_room()
    {
        var (run, report) = await Run(Probe.UProbe(Target("nofp"), "leaf").Select(s => s.UStack.Frames), "nofp", "even", 50_000, new() { CommandOutput = CommandOutput.Discard, MaxKeys = 16 });
        AssertEnds(report.Frames, Assert.Single(run.Result));
        (run, report) = await Run(Probe.UProbe(Target("nofp"), "leaf").Select(s => s.UStack.Frames), "nofp", "random", 20_000);
        AssertEnds(report.Frames, Assert.Single(run.Result));

        static void AssertEnds(ImmutableArray<ulong> expected, CallStack stack)
        {
            Assert.Equal((expected.Length + 1, 4096, 2048), (stack.Length, stack.Frames.Length, stack.OmittedAt));
            Assert.Equal(expected[..2047], stack.Frames[1..2048].Select(static frame => frame.Address));
            Assert.Equal(expected[^2048..], stack.Frames[2048..].Select(static frame => frame.Address));
        }
    }

    [Theory]
    [InlineData("fp")]
    [InlineData("nofp")]
    public async Task Hits_are_grouped_by_their_stacks(string build)
    {
        // leaf() is called at each of 300 levels, and from two other depths.
        var source = Probe.UProbe(Target(build), "leaf");
        var command = new ProcessStartInfo(Target(build), ["each", "300"]);
        var run = await source.GroupBy(s => s.UStack).Count().RunAsync(command, Quiet, Cancellation);
        Assert.True(run.Health.IsExact, run.Health.ToString());
        Assert.Equal(301, run.Result.Count);
        Assert.All(run.Result, static row => Assert.Equal(1, row.Value));
        var depths = run.Result.Keys.Select(static stack => stack.Length).Order().ToArray();
        Assert.Equal(Enumerable.Range(depths[0], 301), depths);
        Assert.All(run.Result.Keys, stack => Assert.Equal(stack.Length - depths[0], stack.Frames.Count(static frame => frame.Symbol == "each") - 1));

        var callers = await source.GroupBy(s => s.UStack.Take(3)).Count().RunAsync(command, Quiet, Cancellation);
        Assert.True(callers.Health.IsExact, callers.Health.ToString());
        var counts = callers.Result.ToDictionary(static row => string.Join(' ', row.Key.Frames.Select(static frame => frame.Symbol)), static row => (row.Value, row.Key.Reason));
        Assert.Equal(new() { ["leaf each main"] = (1, StackReason.FrameLimit), ["leaf each each"] = (300, StackReason.FrameLimit) }, counts);

        var skipped = await source.GroupBy(s => (s.UStack.Skip(2).Take(1), s.Comm)).Max(s => s.UStack.Length).RunAsync(command, Quiet, Cancellation);
        Assert.Equal(
            [("each", depths[0] + 300), ("main", depths[0])],
            skipped.Result.Select(static row => (row.Key.Item1.Frames.Single().Symbol!, row.Value)).OrderBy(static row => row.Item1, StringComparer.Ordinal));
    }

    [Fact]
    public void The_same_stack_of_many_hits_and_threads_is_one_key()
    {
        using var target = new LiveTarget();
        using var session = Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid).GroupBy(s => (s.UStack.Frames, s.Tid)).Count().Attach(Quiet, Cancellation);
        var report = target.Do("calls any 7 4 3000 40");
        var table = session.Snapshot();
        var health = session.Health;
        Assert.Equal(health.Hits, table.Values.Sum() + health.KeysLost + health.StackErrors + health.Missed);
        Assert.Equal((0, 0, 0), (health.KeysLost, health.StackErrors, health.Missed));
        Assert.Equal(report.OfLeaves().Count, table.Values.Sum());
        var byDepth = table.Where(static row => row.Key.Item1.Completeness == Completeness.Complete).GroupBy(static row => (row.Key.Item1.Length, row.Key.Item1.Frames[0].Address, row.Key.Item2)).ToArray();
        // A depth and a function have one stack in each thread.
        Assert.All(byDepth, static depth => Assert.Single(depth));
        Assert.Equal(table, session.Snapshot());
    }

    [Fact]
    public async Task Stacks_that_find_no_room_are_counted_with_their_hits()
    {
        var command = new ProcessStartInfo(Target("nofp"), ["random", "900"]);
        var few = new AttachOptions { CommandOutput = CommandOutput.Discard, MaxKeys = 10 };
        var run = await Probe.UProbe(Target("nofp"), "leaf").GroupBy(s => s.UStack).Count().RunAsync(command, few, Cancellation);
        Assert.Empty(run.Result);
        Assert.Equal((1, 1), (run.Health.Hits, run.Health.KeysLost));
        var stream = await Probe.UProbe(Target("nofp"), "leaf").Select(s => s.UStack).RunAsync(command, few, Cancellation);
        Assert.Empty(stream.Result);
        Assert.Equal(1, stream.Health.KeysLost);
    }

    [Fact]
    public async Task Kernel_stacks_and_the_kernels_walk_are_values_too()
    {
        var program = Target("fp");
        var run = await Probe.UProbe(program, "leaf").GroupBy(s => (s.KStack.Take(4), s.UStack.By(StackWalk.Kernel).Frames)).Count().RunAsync(new(program, ["each", "20"]), Quiet, Cancellation);
        Assert.Equal(21, run.Result.Values.Sum());
        Assert.All(run.Result.Keys, static key =>
        {
            Assert.Equal((4, 0, "[kernel]"), (key.Item1.Length, key.Item1.ProcessId, key.Item1.Frames[0].Module));
            Assert.Equal(("leaf", StackReason.NoProof), (key.Item2.Frames[0].Symbol, key.Item2.Reason));
            Assert.Contains("main", key.Item2.Frames.Select(static frame => frame.Symbol));
        });
        Assert.Equal(21, run.Result.Keys.Select(static key => key.Item2).Distinct().Count());
    }

    [Fact]
    public async Task A_table_of_stacks_is_written_folded()
    {
        var run = await Probe.UProbe(Target("fp"), "leaf").GroupBy(s => s.UStack.Take(4)).Count().RunAsync(new(Target("fp"), ["each", "10"]), Quiet, Cancellation);
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        FoldedStacks.Write(run.Result, text);
        Assert.Contains("each;each;each;leaf 9\n", text.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, text.ToString().Count(static c => c == '\n'));
        Assert.Contains("each", run.Result.ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Distinct_lets_each_stack_through_once()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(s => s.UStack).Distinct().AttachAsync(Quiet, Cancellation);
        List<CallStack> stacks = [];
        using var subscription = session.Subscribe(stacks.Add);
        target.Do("calls push 7 0 500 20");
        target.Do("calls push 8 0 500 20");
        await session.StopAsync(Cancellation);
        Assert.Equal(21, stacks.Count);
        Assert.Equal(21, stacks.Distinct().Count());
    }

    private static string Target(string build) => CTarget.Of("deepest.c", $"deepest-{build}", [
        "-O2", "-g", "-fno-optimize-sibling-calls", "-fasynchronous-unwind-tables", "-pthread",
        .. build switch { "fp" => (string[])["-fno-omit-frame-pointer"], "static" => ["-fomit-frame-pointer", "-static"], _ => ["-fomit-frame-pointer"] },
    ]);

    private static async Task<(ProbeRun<ImmutableArray<CallStack>> Run, (int Tid, ImmutableArray<ulong> Frames) Report)> Run(ProbeStream<CallStack> stream, string build, string mode, int depth, AttachOptions? options = null)
    {
        var output = Path.GetTempFileName();
        try
        {
            var run = await stream.RunAsync(new("/bin/sh", ["-c", $"exec {Target(build)} {mode} {depth} > {output}"]), options ?? Quiet, Cancellation);
            var words = File.ReadAllLines(output).Single().Split(' ');
            return (run, (int.Parse(words[1], CultureInfo.InvariantCulture), [.. words[2..].Select(static word => ulong.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))]));
        }
        finally
        {
            File.Delete(output);
        }
    }
}
