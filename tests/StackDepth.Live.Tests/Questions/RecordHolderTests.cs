using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Questions;

/// <summary>The hits that hold a record, and their frames, against what libgcc's unwinder finds in the target itself.</summary>
public sealed class RecordHolderTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, StackWalk> Builds => new(
        from build in (string[])["fp", "nofp", "static"]
        from walk in (StackWalk[])[StackWalk.Auto, StackWalk.Unwind]
        select (build, walk));

    [Theory]
    [MemberData(nameof(Builds))]
    public async Task The_deepest_hit_comes_with_every_frame_of_its_stack(string build, StackWalk walk)
    {
        foreach (var (mode, depth) in ((string, int)[])[("even", 0), ("even", 1), ("even", 50), ("even", 2000), ("even", 20_000), ("random", 3), ("random", 900)])
        {
            var (holder, report) = await Deepest(build, walk, mode, depth);
            Assert.Equal(StackReason.None, holder.Stack.Reason);
            Assert.Equal(holder.Value, holder.Stack.Length);
            Assert.Equal(0, holder.Stack.Omitted);
            AssertSame(report.Frames, holder.Stack.Frames);
            Assert.Equal(("leaf", report.Tid, report.Tid), (holder.Function.Name, holder.Tid, holder.Pid));
        }
    }

    [Fact]
    public async Task Of_a_very_deep_stack_that_does_not_repeat_itself_the_ends_are_delivered()
    {
        var (holder, report) = await Deepest("nofp", StackWalk.Auto, "random", 30_000);
        var stack = holder.Stack;
        Assert.Equal(report.Frames.Length + 1, stack.Length);
        Assert.Equal((holder.Value, Completeness.Complete), (stack.Length, stack.Completeness));
        Assert.InRange(stack.Omitted, 1, stack.Length - 4096);
        AssertSame(report.Frames[..(stack.OmittedAt - 1)], stack.Frames[..stack.OmittedAt]);
        Assert.Equal(report.Frames[^(stack.Frames.Length - stack.OmittedAt)..], stack.Frames[stack.OmittedAt..].Select(static frame => frame.Address));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"({stack.Omitted:N0} frames left out)"), stack.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Frames_are_named_after_the_process_has_ended()
    {
        var (holder, _) = await Deepest("nofp", StackWalk.Auto, "even", 6);
        Assert.Equal(
            ["leaf", "even", "odd", "even", "odd", "even", "odd", "even", "main"],
            holder.Stack.Frames.Take(9).Select(static frame => frame.Symbol));
        Assert.All(holder.Stack.Frames.Take(9), static frame => Assert.Equal(Target("nofp"), frame.Module));
        Assert.Equal(0UL, holder.Stack.Frames[0].Offset);
        Assert.Contains("_start", holder.Stack.Frames[^1].Symbol, StringComparison.Ordinal);
        var text = (await Deepest("nofp", StackWalk.Auto, "even", 1001)).Holder.ToString();
        Assert.Matches(@"^1,00[78] in deepest-nofp \(pid \d+, tid \d+\)\n#0    leaf\+0x0 \(deepest-nofp\)\n#1    odd\+0x[0-9a-f]+ \(deepest-nofp\)\n#2    \[even\+0x[0-9a-f]+ \| odd\+0x[0-9a-f]+\] \(deepest-nofp\)  x500\n", text);
    }

    [Fact]
    public async Task Threads_that_race_for_the_record_each_keep_their_own_frames()
    {
        for (var (round, exact) = (0, 0); exact < 10; round++)
        {
            Assert.True(round < 100, $"Of {round} rounds {exact} were undisturbed.");
            var program = Target("nofp");
            var source = Probe.UProbe(program, "leaf");
            var output = Path.GetTempFileName();
            var run = await source.TopK(5, static s => s.UStack.Length).And(source.Select(static s => s.UStack.Length).Max()).RunAsync(Shell(program, output, "threads", "400"), Quiet, Cancellation);
            var reports = Reports(output).OrderByDescending(static report => report.Frames.Length).ToArray();

            var (top, maximum) = run.Result;
            if (!run.Health.IsExact)
            {
                // The kernel itself can hold the mappings (khugepaged), and says so; then the deepest stacks may be among those that were cut.
                Assert.True(run.Health.Reasons.All(static reason => reason.Key == StackReason.MappingBusy) && run.Health.Dropped + run.Health.Missed + run.Health.StackErrors == 0, run.Health.ToString());
                continue;
            }
            exact++;
            Assert.Equal(maximum, top[0].Value);
            Assert.Equal(reports.Take(5).Select(static report => (report.Tid, report.Frames.Length + 1)), top.Select(static holder => (holder.Tid, holder.Value)));
            foreach (var (holder, report) in top.Zip(reports))
            {
                AssertSame(report.Frames, holder.Stack.Frames);
                Assert.StartsWith("thread \u001b[", holder.Comm, StringComparison.Ordinal);
                Assert.DoesNotContain('\u001b', holder.ToString());
            }
        }
    }

    [Fact]
    public async Task Of_each_group_the_deepest_hits_are_kept()
    {
        for (var (round, exact) = (0, 0); exact < 5; round++)
        {
            Assert.True(round < 50, $"Of {round} rounds {exact} were undisturbed.");
            var program = Target("nofp");
            var threads = Probe.UProbe(program, "leaf").GroupBy(static s => s.Tid);
            var output = Path.GetTempFileName();
            var run = await threads.TopK(3, static s => s.UStack.Length).And(threads.Count()).RunAsync(Shell(program, output, "threads", "400"), Quiet, Cancellation);
            var reports = Reports(output).GroupBy(static report => report.Tid).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());

            var (top, counts) = run.Result;
            Assert.Equal(reports.Keys.Order(), top.Keys.Order());
            Assert.Equal(top.Keys.Order(), counts.Keys.Order());
            // See above.
            if (!run.Health.IsExact)
                continue;
            exact++;
            foreach (var (thread, hits) in top)
            {
                // The target reports the deepest call of each thread.
                Assert.Equal(int.Min(3, (int)counts[thread]), hits.Length);
                Assert.Equal(reports[thread].Single().Frames.Length + 1, hits[0].Value);
                Assert.Equal(hits.Select(static hit => hit.Value).OrderDescending(), hits.Select(static hit => hit.Value));
                Assert.All(hits, hit => Assert.Equal((thread, "leaf"), (hit.Tid, hit.Function.Name)));
                AssertSame(reports[thread][0].Frames, hits[0].Stack.Frames);
            }
        }
    }

    [Fact]
    public async Task Of_groups_the_ends_of_long_stacks_are_kept_and_recursion_is_whole()
    {
        var program = Target("nofp");
        foreach (var (mode, depth) in ((string, string)[])[("even", "20000"), ("random", "3000")])
        {
            var output = Path.GetTempFileName();
            var run = await Probe.UProbe(program, "leaf").GroupBy(static s => s.Comm).MaxBy(static s => s.UStack.Length).RunAsync(Shell(program, output, mode, depth), Quiet, Cancellation);
            var (stack, frames) = (Assert.Single(run.Result).Value.Stack, Assert.Single(Reports(output)).Frames);
            Assert.Equal((frames.Length + 1, Completeness.Complete), (stack.Length, stack.Completeness));
            if (mode == "even")
            {
                Assert.Equal(0, stack.Omitted);
                AssertSame(frames, stack.Frames);
                continue;
            }
            Assert.InRange(stack.Omitted, 1, stack.Length - 488);
            AssertSame(frames[..(stack.OmittedAt - 1)], stack.Frames[..stack.OmittedAt]);
            Assert.Equal(frames[^(stack.Frames.Length - stack.OmittedAt)..], stack.Frames[stack.OmittedAt..].Select(static frame => frame.Address));
        }
    }

    [Fact]
    public async Task Hits_of_keys_that_find_no_room_are_counted()
    {
        var program = Target("fp");
        var run = await Probe.UProbe(program, "leaf").GroupBy(static s => s.UStack.Length).MaxBy(static s => s.UStack.Length).RunAsync(new(program, ["each", "300"]), Quiet with { MaxKeys = 40 }, Cancellation);
        Assert.Equal((40, run.Health.Hits - 40), (run.Result.Count, run.Health.KeysLost));
        Assert.All(run.Result, static row => Assert.Equal((row.Key, row.Key), (row.Value.Value, row.Value.Stack.Length)));
    }

    [Fact]
    public async Task The_smallest_and_the_greatest_are_those_of_the_program()
    {
        var program = Target("fp");
        var source = Probe.UProbe(program, "leaf");
        var command = new ProcessStartInfo(program, ["each", "300"]);
        var smallest = (await source.MinBy(static s => s.UStack.Length).RunAsync(command, Quiet, Cancellation)).Result!;
        Assert.Equal(["leaf", "each", "main"], smallest.Stack.Frames.Take(3).Select(static frame => frame.Symbol));
        var top = (await source.TopK(61, static s => s.UStack.Length).RunAsync(command, Quiet, Cancellation)).Result;
        Assert.Equal(Enumerable.Range(0, 61).Select(rank => smallest.Value + 300 - rank), top.Select(static holder => holder.Value));
        Assert.All(top, static holder => Assert.Equal(holder.Value, holder.Stack.Frames.Length));
        var bytes = (await source.MaxBy(static s => s.UStack.Bytes).RunAsync(command, Quiet, Cancellation)).Result!;
        Assert.Equal(smallest.Value + 300, bytes.Stack.Length);
        Assert.True(bytes.Value > 300 * 24, $"{bytes.Value} bytes");
    }

    [Fact]
    public async Task Nothing_is_kept_of_hits_that_a_filter_leaves_out()
    {
        var program = Target("fp");
        var source = Probe.UProbe(program, "leaf").Where(static s => s.UStack.Length < 50);
        var command = new ProcessStartInfo(program, ["each", "300"]);
        var run = await source.MaxBy(static s => s.UStack.Length).RunAsync(command, Quiet, Cancellation);
        Assert.Equal((49, 49), (run.Result!.Value, run.Result.Stack.Length));
        Assert.Null((await source.Where(static s => s.Pid == 1).MaxBy(static s => s.UStack.Length).RunAsync(command, Quiet, Cancellation)).Result);
        Assert.Empty((await source.Where(static s => s.Pid == 1).TopK(3, static s => s.UStack.Length).RunAsync(command, Quiet, Cancellation)).Result);
    }

    [Fact]
    public async Task A_session_shows_the_record_as_it_stands()
    {
        using var target = new LiveTarget(Target("fp"), "serve", "0");
        await using var session = await Probe.UProbe(Target("fp"), "leaf").ForProcess(target.Pid).MaxBy(static s => s.UStack.Length).AttachAsync(Quiet, Cancellation);
        Assert.Null(session.Snapshot());
        target.Ask("10");
        var first = session.Snapshot()!;
        target.Ask("5");
        Assert.Equal(first, session.Snapshot());
        target.Ask("400");
        var second = session.Snapshot()!;
        Assert.Equal((first.Value + 390, first.Value + 390), (second.Value, second.Stack.Length));
        Assert.Equal(second, await session.StopAsync(Cancellation));
        Assert.Equal(target.Pid, second.Pid);
    }

    [Fact]
    public async Task The_kernels_walk_delivers_what_it_found()
    {
        var program = Target("fp");
        var command = new ProcessStartInfo(program, ["even", "60"]);
        var user = (await Probe.UProbe(program, "leaf").MaxBy(static s => s.UStack.By(StackWalk.Kernel).Length).RunAsync(command, Quiet, Cancellation)).Result!;
        Assert.Equal((user.Value, Completeness.Broken), (user.Stack.Length, user.Stack.Completeness));
        Assert.Equal("leaf", user.Stack.Frames[0].Symbol);
        // The kernel misses the caller where a function does not begin with push %rbp.
        Assert.InRange(user.Stack.Frames.Count(static frame => frame.Symbol is "even" or "odd"), 60, 61);
        var cut = (await Probe.UProbe(program, "leaf").MaxBy(static s => s.UStack.By(StackWalk.Kernel).Length).RunAsync(new(program, ["even", "600"]), Quiet, Cancellation)).Result!;
        Assert.Equal((127, 127, Completeness.Truncated), (cut.Value, cut.Stack.Length, cut.Stack.Completeness));

        var kernel = (await Probe.UProbe(program, "leaf").MaxBy(static s => s.KStack.Length).RunAsync(command, Quiet, Cancellation)).Result!;
        Assert.Equal((kernel.Value, Completeness.Complete), (kernel.Stack.Length, kernel.Stack.Completeness));
        Assert.Contains(kernel.Stack.Frames, static frame => frame is { Module: "[kernel]", Symbol: { } symbol } && symbol.Contains("uprobe", StringComparison.Ordinal));
    }

    [Fact]
    public void Queries_that_cannot_be_one_are_refused_with_a_sentence()
    {
        var source = Probe.UProbe("a", "b");
        var deepest = source.MaxBy(static s => s.UStack.Length);
        Assert.Contains("same probe", Assert.Throws<ProbeQueryException>(() => deepest.And(Probe.UProbe("a", "c").Count())).Message, StringComparison.Ordinal);
        Assert.Contains("same probe", Assert.Throws<ProbeQueryException>(() => deepest.And(source.Where(static s => s.Pid == 1).Count())).Message, StringComparison.Ordinal);
        Assert.Contains("Summaries", Assert.Throws<ProbeQueryException>(() => source.Count().And(source.Count())).Message, StringComparison.Ordinal);
        Assert.Contains("And joins", Assert.Throws<ProbeQueryException>(() => deepest.And(deepest)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.TopK(0, static s => s.UStack.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.TopK(62, static s => s.UStack.Length));
    }

    private static async Task<(RecordHolder<int> Holder, Reported Report)> Deepest(string build, StackWalk walk, string mode, int depth)
    {
        var program = Target(build);
        var output = Path.GetTempFileName();
        var run = await Probe.UProbe(program, "leaf").MaxBy(static s => s.UStack.Length).RunAsync(
            Shell(program, output, mode, depth.ToString(CultureInfo.InvariantCulture)), Quiet with { Walk = walk }, Cancellation);
        Assert.Equal((0, 1), (run.ExitCode, run.Health.Hits));
        return (run.Result!, Assert.Single(Reports(output)));
    }

    private static string Target(string build) => CTarget.Of("deepest.c", $"deepest-{build}", [
        "-O2", "-g", "-fno-optimize-sibling-calls", "-fasynchronous-unwind-tables", "-pthread",
        .. build switch { "fp" => (string[])["-fno-omit-frame-pointer"], "static" => ["-fomit-frame-pointer", "-static"], _ => ["-fomit-frame-pointer"] },
    ]);

    /// <summary>The program with its output in a file, in the same process.</summary>
    private static ProcessStartInfo Shell(string program, string output, params string[] arguments) =>
        new("/bin/sh", ["-c", "out=$1; shift; exec \"$@\" > \"$out\"", "sh", output, program, .. arguments]);

    private static Reported[] Reports(string output)
    {
        var lines = File.ReadAllLines(output);
        File.Delete(output);
        return [.. lines.Where(static line => line.StartsWith("F ", StringComparison.Ordinal)).Select(static line => line.Split(' ')).Select(static fields => new Reported(
            int.Parse(fields[1], CultureInfo.InvariantCulture), [.. fields.Skip(2).Select(static field => ulong.Parse(field, NumberStyles.HexNumber, CultureInfo.InvariantCulture))]))];
    }

    /// <summary>The probed function's own frame comes first; then its callers.</summary>
    private static void AssertSame(ImmutableArray<ulong> callers, ImmutableArray<StackFrame> frames)
    {
        Assert.Equal("leaf", frames[0].Symbol);
        Assert.Equal(callers, frames.Skip(1).Select(static frame => frame.Address));
    }

    private sealed record Reported(int Tid, ImmutableArray<ulong> Frames);
}
