using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>What is known at a function's return, against what the target itself says.</summary>
public sealed class ReturnProbeTests
{
    /// <summary>The kernel reports no more returns of one thread that are pending at once (MAX_URETPROBE_DEPTH).</summary>
    private const int MostPending = 64;

    private static readonly long[] Answers = [0, 1, -1, 42, -42, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 40, -(1L << 40), long.MaxValue, long.MinValue];

    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Program => CTarget.Of("returns.c", "returns", ["-O1", "-g", "-fno-optimize-sibling-calls", "-pthread"]);

    [Fact]
    public async Task The_result_is_what_the_function_returned()
    {
        var values = await Values(Probe.URetProbe(Program, "answer"), static s => s.ReturnValue, Answers.Select(static value => $"answer {value}"));

        Assert.Equal(Answers, values);
    }

    [Fact]
    public async Task A_result_of_32_bits_is_converted()
    {
        var values = await Values(Probe.URetProbe(Program, "answer_int"), static s => s.ReturnValue.ToInt32().ToInt64(), Answers.Select(static value => $"int {value}"));

        Assert.Equal(Answers.Select(static value => (long)(int)value), values);
    }

    [Fact]
    public async Task A_result_is_computed_with_and_filtered_by_like_any_number()
    {
        var values = await Values(
            Probe.URetProbe(Program, "answer").Where(static s => s.ReturnValue > 0 & s.ReturnValue % 2 == 0), static s => s.ReturnValue / 2, Answers.Select(static value => $"answer {value}"));

        Assert.Equal(Answers.Where(static value => value > 0 && value % 2 == 0).Select(static value => value / 2), values);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    public async Task Each_return_of_a_recursion_is_a_hit_and_those_that_the_kernel_loses_are_missed(int depth)
    {
        RequireSessions();
        using var target = new LiveTarget(Program);
        await using var session = await Probe.URetProbe(Program, "recurse").ForProcess(target.Pid).GroupBy(static s => s.ReturnValue.ToInt32()).Count().AttachAsync(cancellationToken: Cancellation);
        target.Ask($"recurse {depth}");
        target.Ask($"recurse {depth}");
        var levels = await session.StopAsync(Cancellation);

        var seen = int.Min(depth, MostPending);
        Assert.Equal(Enumerable.Range(1, seen).Select(static level => (level, 2L)), levels.Select(static level => (level.Key, level.Value)).Order());
        Assert.Equal(new ProbeHealth(2 * seen, 2 * (depth - seen), 0, 0, 0, 0, 0, 0, 0), session.Health);
    }

    [Fact]
    public async Task The_time_is_that_of_the_very_activation()
    {
        RequireSessions();
        const int Depth = 50;
        using var target = new LiveTarget(Program);
        await using var session = await Probe.URetProbe(Program, "recurse").ForProcess(target.Pid).GroupBy(static s => s.ReturnValue).Max(static s => s.Elapsed).AttachAsync(cancellationToken: Cancellation);
        var whole = long.Parse(Assert.Single(target.Ask($"recurse {Depth}")), CultureInfo.InvariantCulture);
        var levels = await session.StopAsync(Cancellation);

        // Each activation lasts as long as those within it, at least, and all of them as long as the target says.
        var times = levels.OrderByDescending(static level => level.Key).Select(static level => level.Value).ToArray();
        Assert.Equal(Depth, times.Length);
        Assert.True(times[0] > 0);
        Assert.Equal(times.Order(), times);
        Assert.InRange(times[^1], 1, whole);
    }

    [Fact]
    public async Task A_function_that_sleeps_takes_as_long_as_it_sleeps()
    {
        RequireSessions();
        using var target = new LiveTarget(Program);
        List<long> clock = [];
        await using var session = await Probe.URetProbe(Program, "sleeps").ForProcess(target.Pid).Select(static s => s.Elapsed).Summary().AttachAsync(cancellationToken: Cancellation);
        foreach (var milliseconds in (int[])[1, 20, 5])
            clock.Add(long.Parse(Assert.Single(target.Ask($"sleep {milliseconds}")), CultureInfo.InvariantCulture));
        var times = await session.StopAsync(Cancellation);

        Assert.Equal(3, times.Count);
        Assert.InRange(times.Min!.Value, 1_000_000, clock.Min());
        Assert.InRange(times.Max!.Value, 20_000_000, clock.Max());
    }

    [Fact]
    public async Task What_longjmp_ends_does_not_return_and_what_comes_after_it_is_right()
    {
        RequireSessions();
        using var target = new LiveTarget(Program);
        await using var session = await Probe.URetProbe(Program, "*u*s*").ForProcess(target.Pid).GroupBy(static s => s.Function).Summary(static s => s.Elapsed).AttachAsync(cancellationToken: Cancellation);
        target.Ask("jump 10");
        target.Ask("recurse 5");
        target.Ask("jump 20");
        target.Ask("recurse 7");
        var functions = await session.StopAsync(Cancellation);

        Assert.Equal(("recurse", 12L), Assert.Single(functions.Select(static function => (function.Key.Name, function.Value.Count))));
        Assert.Equal(new ProbeHealth(12, 0, 0, 0, 0, 0, 0, 0, 0), session.Health);
    }

    [Fact]
    public async Task A_tail_call_returns_from_both_functions()
    {
        using var target = new LiveTarget(CTarget.Of("returns.c", "returns-O2", ["-O2", "-g", "-pthread"]));
        await using var session = await Probe.URetProbe(CTarget.Of("returns.c", "returns-O2", ["-O2", "-g", "-pthread"]), "[tl]a[is][lt]").ForProcess(target.Pid)
            .GroupBy(static s => (s.Function, s.ReturnValue)).Count().AttachAsync(cancellationToken: Cancellation);
        Assert.Equal("8", Assert.Single(target.Ask("tail 7")));
        var returns = await session.StopAsync(Cancellation);

        Assert.Equal([("last", 8L, 1L), ("tail", 8L, 1L)], returns.Select(static pair => (pair.Key.Item1.Name, pair.Key.Item2, pair.Value)).Order());
    }

    [Fact]
    public async Task Threads_return_each_for_itself()
    {
        RequireSessions();
        const int Calls = 100;
        using var target = new LiveTarget(Program);
        await using var session = await Probe.URetProbe(Program, "recurse").ForProcess(target.Pid).GroupBy(static s => s.Tid).Summary(static s => s.Elapsed).AttachAsync(cancellationToken: Cancellation);
        target.Ask($"threads {Calls} 70");
        var threads = await session.StopAsync(Cancellation);

        Assert.Equal(8, threads.Count);
        Assert.All(threads, static thread => Assert.Equal(Calls * MostPending, thread.Value.Count));
        Assert.All(threads, static thread => Assert.True(thread.Value.Min > 0));
        Assert.Equal(new ProbeHealth(8 * Calls * MostPending, 8 * Calls * (70 - MostPending), 0, 0, 0, 0, 0, 0, 0), session.Health);
    }

    [Fact]
    public async Task A_child_returns_from_what_its_parent_called()
    {
        var run = await Probe.URetProbe(Program, "forks").GroupBy(static s => s.ReturnValue).Count()
            .RunAsync(new(Program, ["fork"]), Quiet, Cancellation);

        Assert.Equal([(1L, 1L), (2L, 1L)], run.Result.Select(static pair => (pair.Key, pair.Value)).Order());
        Assert.Equal(new ProbeHealth(2, 0, 0, 0, 0, 0, 0, 0, 0), run.Health);
    }

    private static async Task<long[]> Values(ProbeSource<ReturnContext> source, Func<ReturnContext, Expr<long>> value, IEnumerable<string> commands)
    {
        var run = await source.Select(value).RunAsync(new(Program, commands), Quiet, Cancellation);
        Assert.True(run.Health.IsExact, run.Health.ToString());
        return [.. run.Result];
    }

    private static void RequireSessions() => Requires.Linux(6, 13);
}
