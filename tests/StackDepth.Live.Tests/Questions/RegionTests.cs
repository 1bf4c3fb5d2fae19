using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Questions;

/// <summary>Bytes and BytesFree against programs that measure their own stacks, by /proc/self/maps, getrlimit and pthread_attr_getstack.</summary>
public sealed class RegionTests
{
    private const int Page = 4096;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static AttachOptions Options { get; } = new() { CommandOutput = CommandOutput.Discard };

    private static string Program => Builds.C("regions", "-O2", "-fno-omit-frame-pointer", "-pthread", "answers.c", "regions.c");

    private sealed record Measured(Answer Truth, long Bytes, long Free, StackReason Reason)
    {
        internal bool IsExact => Reason == StackReason.None && Bytes == Truth.First && Free == Truth.Second;
    }

    [Theory]
    [InlineData("main")]
    [InlineData("fork")]
    [InlineData("alternate")]
    [InlineData("alternate-own")]
    public async Task The_bytes_of_the_processs_stack_and_of_alternate_ones_are_exact(string mode)
    {
        var measured = await Measure(mode);
        All(measured, "exact", static stack => stack.IsExact);
        Assert.Equal(mode.StartsWith("alternate", StringComparison.Ordinal), measured.Exists(static stack => stack.Truth.Tag == "signal"));
    }

    [Theory]
    [InlineData("threads")]
    [InlineData("alternate-thread")]
    public async Task The_bytes_of_threads_stacks_are_exact(string mode) => All(await Measure(mode), "exact", static stack => stack.IsExact);

    [Fact]
    public async Task The_limit_is_what_it_is_at_the_hit()
    {
        var measured = await Measure("limits");
        // The kernel counts whole pages: a limit within one ends at its start.
        All(measured, "exact", static stack => stack.Reason == StackReason.None && stack.Bytes == stack.Truth.First && stack.Truth.Second - stack.Free is >= 0 and < Page);
        Assert.Contains(measured, static stack => stack.Free == 0);
        Assert.True(measured.Select(static stack => stack.Free).Distinct().Count() > 3);
    }

    [Fact]
    public async Task A_coroutines_stack_is_its_mapping_and_approximate()
    {
        var measured = await Measure("coroutine");
        All(measured.Where(static stack => stack.Truth.Tag == "main"), "exact", static stack => stack.IsExact);
        All(measured.Where(static stack => stack.Truth.Tag == "other"), "approximate", static stack => stack.Reason == StackReason.ForeignStack && stack.Bytes > 0 && stack.Free > 0);
        Assert.Contains(measured, static stack => stack.Truth.Tag == "other");
    }

    [Fact]
    public async Task A_thread_on_memory_that_it_was_given_is_approximate() =>
        All(await Measure("given"), "approximate", static stack => stack.Reason == StackReason.ForeignStack && stack.Bytes >= stack.Truth.First && stack.Free >= stack.Truth.Second);

    [Fact]
    public async Task Aggregates_filters_and_groups_take_bytes_as_numbers_of_64_bits()
    {
        Requires.Bpf();
        using var answers = new Answers();
        var source = Probe.UProbe(Program, "probed");
        var run = await source.Where(hit => hit.UStack.Bytes > 100_000).GroupBy(hit => hit.Tid).Summary(hit => hit.UStack.BytesFree).RunAsync(new(Program, ["main", answers.Path]), Options, Cancellation);
        var truth = answers.Read().Single();
        var free = truth.Value.Where(static answer => answer.First > 100_000).Select(static answer => answer.Second).ToArray();
        var group = Assert.Single(run.Result);
        Assert.Equal((truth.Key, (long)free.Length, free.Min(), free.Max(), free.Average()), (group.Key, group.Value.Count, group.Value.Min!.Value, group.Value.Max!.Value, group.Value.Mean!.Value));
        Assert.True(run.Health.IsExact, run.Health.ToString());
        Assert.Equal(truth.Value.Length, run.Health.Complete);
    }

    [Fact]
    public async Task One_query_can_ask_for_bytes_a_walk_and_recursion()
    {
        Requires.Bpf();
        using var answers = new Answers();
        var run = await Probe.UProbe(Program, "at_depths").Select(hit => (hit.UStack.Bytes, hit.UStack.Length, hit.Recursion)).RunAsync(new(Program, ["main", answers.Path]), Options, Cancellation);
        Assert.True(run.Health.IsExact, run.Health.ToString());
        Assert.Equal(Enumerable.Range(1, 301), run.Result.Select(static hit => hit.Item3));
        Assert.Equal(Enumerable.Range(run.Result[0].Item2, 301), run.Result.Select(static hit => hit.Item2));
        Assert.Equal(run.Result.Select(static hit => hit.Item1).Order(), run.Result.Select(static hit => hit.Item1));
    }

    private static async Task<List<Measured>> Measure(string mode)
    {
        Requires.Bpf();
        using var answers = new Answers();
        var run = await Probe.UProbe(Program, "probed").Select(hit => (hit.UStack.Bytes, hit.UStack.BytesFree, hit.UStack.BytesReason)).RunAsync(new(Program, [mode, answers.Path]), Options, Cancellation);
        var truths = answers.Read();
        Assert.Equal((0, 0, 0), (run.ExitCode, run.Health.Missed, run.Health.Dropped));
        Assert.Equal(truths.Values.Sum(static thread => thread.Length), run.Result.Length + run.Health.StackErrors);
        // While threads come and go, the kernel can be too busy to look up a mapping; that is the machine's load, not the stack's.
        Assert.InRange(run.Health.StackErrors, 0, truths.Count > 1 ? run.Result.Length / 20 : 0);
        if (truths.Count == 1)
            return [.. truths.Values.Single().Zip(run.Result, static (truth, hit) => new Measured(truth, hit.Item1, hit.Item2, hit.Item3))];
        // Hits of several threads come in any order: each has a truth of its own.
        var left = truths.Values.SelectMany(static thread => thread).ToList();
        return
        [
            .. run.Result.Select(hit =>
            {
                var truth = left.Find(answer => answer.First == hit.Item1 && answer.Second == hit.Item2) ?? left[0];
                left.Remove(truth);
                return new Measured(truth, hit.Item1, hit.Item2, hit.Item3);
            }),
        ];
    }

    private static void All(IEnumerable<Measured> measured, string wanted, Func<Measured, bool> holds)
    {
        var bad = measured.Where(stack => !holds(stack)).ToArray();
        Assert.True(bad.Length == 0, $"{bad.Length} of {measured.Count()} stacks are not {wanted}:\n{string.Join('\n', bad.Take(10))}");
    }
}
