using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Questions;

/// <summary>Recursion against programs that count their own live activations.</summary>
public sealed class RecursionTests
{
    /// <summary>A count beside the truth.</summary>
    internal sealed record Counted(Answer Truth, int Count, StackReason Reason)
    {
        internal bool IsExact => Reason == StackReason.None && Count == Truth.First;

        internal bool IsSilentlyWrong => Reason.Completeness() switch
        {
            Completeness.Complete => Count != Truth.First,
            Completeness.Approximate => false,
            _ => Count > Truth.First,
        };
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static AttachOptions Options { get; } = new() { RingBufferBytes = 64 << 20, CommandOutput = CommandOutput.Discard };

    [Theory]
    [InlineData("deep", 1)]
    [InlineData("deep", 2)]
    [InlineData("deep", 15)]
    [InlineData("deep", 16)]
    [InlineData("deep", 17)]
    [InlineData("deep", 526)]
    [InlineData("deep", 527)]
    [InlineData("deep", 528)]
    [InlineData("deep", 5000)]
    [InlineData("deep", 100_000)]
    [InlineData("random", 20)]
    [InlineData("random", 300)]
    [InlineData("random", 3000)]
    [InlineData("alloca", 200)]
    [InlineData("jump", 30)]
    [InlineData("jump", 2000)]
    [InlineData("tail", 100)]
    [InlineData("threads", 10)]
    [InlineData("threads", 1000)]
    [InlineData("within-same", 0)]
    public async Task Every_count_is_exact(string mode, int depth)
    {
        var counted = await Count("probed_" + mode.Split('-')[0] switch { "threads" => "random", var same => same }, mode, depth);
        // While threads come and go, the kernel can be too busy to say which stack one is on; that is the machine's load, not the stack's.
        var busy = mode == "threads" ? counted.Count / 20 : 0;
        All(counted, "exact", count => count.IsExact || (!count.IsSilentlyWrong && busy-- > 0));
    }

    [Fact]
    public async Task What_is_kept_of_threads_is_given_back_when_they_end()
    {
        // Each leaves a recursion too deep for its record behind, and more of them than there can be chunks.
        var counted = await Count("probed_die", "many", 35);
        Assert.Equal(9000 * 35, counted.Count);
        All(counted, "exact", static count => count.IsExact);
    }

    [Theory]
    [InlineData("probed_ping")]
    [InlineData("probed_pong")]
    [InlineData("probed_p?ng")]
    public async Task Functions_that_call_each_other_are_counted_each_for_itself(string probe)
    {
        var counted = await Count(probe, "mutual", 500);
        All(counted, "exact", static count => count.IsExact);
    }

    [Theory]
    [InlineData("signal")]
    [InlineData("alternate")]
    public async Task A_handler_that_recurses_is_counted_whatever_its_stack(string mode)
    {
        All(await Count("probed_deep", mode, 100), "exact", static count => count.IsExact);
        All(await Count("probed_raise", mode, 100), "exact", static count => count.IsExact);
    }

    [Theory]
    [InlineData("within")]
    [InlineData("within-own")]
    public async Task On_an_alternate_stack_what_was_interrupted_is_approximate_and_what_returns_to_is_exact(string mode)
    {
        var counted = await Count("probed_within", mode, 0);
        All(counted.Where(static count => count.Truth.Tag == "own"), "exact", static count => count.IsExact);
        All(counted.Where(static count => count.Truth.Tag == "signal"), "approximate", static count => count.Reason == StackReason.InterruptedStack && count.Count >= count.Truth.First);
        Assert.Contains(counted, static count => count.Truth.Tag == "signal");
    }

    [Theory]
    [InlineData("coroutine")]
    [InlineData("coroutine-own")]
    public async Task On_a_coroutines_stack_nothing_is_said_to_be_exact_that_is_not(string mode)
    {
        var counted = await Count("probed_switch", mode, 0);
        All(counted, "honest", static count => !count.IsSilentlyWrong);
        if (mode == "coroutine")
        {
            All(counted.Where(static count => count.Truth.Tag == "own"), "exact", static count => count.IsExact);
            All(counted.Where(static count => count.Truth.Tag == "other"), "approximate", static count => count.Reason == StackReason.ForeignStack);
        }
    }

    [Fact]
    public async Task A_child_that_was_forked_in_mid_recursion_says_that_it_does_not_know_what_lives()
    {
        var counted = await Count("probed_fork", "fork", 0);
        All(counted, "honest", static count => !count.IsSilentlyWrong);
        var parent = counted[0].Truth.Tid;
        All(counted.Where(count => count.Truth.Tid == parent), "exact", static count => count.IsExact);
        All(counted.Where(count => count.Truth.Tid != parent), "a lower bound", static count => count.Reason == StackReason.UnseenEntries);
        Assert.Contains(counted, count => count.Truth.Tid != parent);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(1000)]
    public async Task Exceptions_end_activations_also_where_handlers_lie_apart_from_their_function(int depth)
    {
        var answers = Builds.C("answers.o", "-O2", "-c", "answers.c");
        All(await Count("probed_throw", "x", depth, Builds.Make("catch", "g++", "-g", "-O2", answers, "catch.cc")), "exact", static count => count.IsExact);
    }

    [Fact]
    public async Task A_thread_that_is_older_than_the_probes_has_a_lower_bound_and_a_younger_one_is_exact()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).GroupBy(hit => hit.RecursionReason).Max(hit => hit.Recursion).AttachAsync(Options, Cancellation);
        target.Ask("raw 3");
        target.Ask("threads 9");
        var counts = await session.StopAsync(Cancellation);
        Assert.Equal([(StackReason.None, 1), (StackReason.UnseenEntries, 1)], counts.Select(static group => (group.Key, group.Value)).Order());
        Assert.Equal((9, 3), (session.Health.Complete, session.Health.Broken));
    }

    [Fact]
    public async Task An_activation_counts_for_those_within_it_whether_or_not_its_own_hit_passes_the_filters()
    {
        Requires.Bpf();
        using var answers = new Answers();
        var run = await Probe.UProbe(Answers.Recursion, "probed_deep").Where(hit => hit.UStack.Length > 100 & hit.Recursion > 150).Select(hit => hit.Recursion)
            .RunAsync(new(Answers.Recursion, ["deep", "200", answers.Path]), Options, Cancellation);
        Assert.Equal(answers.Read().Single().Value.Select(static answer => (int)answer.First).Where(static live => live > 150), run.Result);
        Assert.True(run.Health.IsExact, run.Health.ToString());
    }

    internal static async Task<List<Counted>> Count(string probe, string mode, int depth, string? binary = null)
    {
        Requires.Bpf();
        binary ??= Answers.Recursion;
        using var answers = new Answers();
        var run = await Probe.UProbe(binary, probe).Select(hit => (hit.Tid, hit.Recursion, hit.RecursionReason)).RunAsync(new(binary, [mode, $"{depth}", answers.Path]), Options, Cancellation);
        Assert.True(run.ExitCode == 0, $"exit code {run.ExitCode}");
        Assert.Equal((0, 0, 0), (run.Health.Missed, run.Health.Dropped, run.Health.StackErrors));
        var truths = answers.Read();
        // A program says of all its functions what it knows.
        if (!probe.Contains('?') && truths.Values.Any(thread => thread.Any(answer => "probed_" + answer.Tag == probe)) && mode is "mutual" or "signal" or "alternate")
            truths = truths.ToDictionary(static thread => thread.Key, thread => thread.Value.Where(answer => "probed_" + answer.Tag == probe).ToArray());
        var hits = run.Result.GroupBy(static hit => hit.Item1).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());
        Assert.Equal(truths.Keys.Order(), hits.Keys.Order());
        Assert.All(truths, thread => Assert.Equal(thread.Value.Length, hits[thread.Key].Length));
        return [.. truths.SelectMany(thread => thread.Value.Zip(hits[thread.Key], static (truth, hit) => new Counted(truth, hit.Item2, hit.Item3)))];
    }

    internal static void All(IEnumerable<Counted> counted, string wanted, Func<Counted, bool> holds)
    {
        var bad = counted.Select(static (count, hit) => (count, hit)).Where(pair => !holds(pair.count)).ToArray();
        Assert.True(bad.Length == 0, $"{bad.Length} of {counted.Count()} counts are not {wanted}:\n{string.Join('\n', bad.Take(10))}");
    }
}
