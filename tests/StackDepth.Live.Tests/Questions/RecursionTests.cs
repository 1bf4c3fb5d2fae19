namespace StackDepth.Live.Tests.Questions;

/// <summary>Recursion against programs that count their own live activations.</summary>
public sealed class RecursionTests
{
    /// <summary>A count beside the truth.</summary>
    private sealed record Counted(Answer Truth, int Count, StackReason Reason)
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
    [InlineData("random", 20)]
    [InlineData("random", 300)]
    [InlineData("random", 3000)]
    [InlineData("alloca", 200)]
    [InlineData("jump", 30)]
    [InlineData("jump", 2000)]
    [InlineData("tail", 100)]
    [InlineData("threads", 10)]
    [InlineData("threads", 1000)]
    [InlineData("churn", 40)]
    [InlineData("within-same", 0)]
    public async Task Every_count_is_exact(string mode, int depth)
    {
        var counted = await Count("probed_" + mode.Split('-')[0] switch { "threads" => "random", "churn" => "die", var same => same }, mode, depth);
        All(counted, "exact", static count => count.IsExact);
    }

    private static async Task<List<Counted>> Count(string probe, string mode, int depth, string? binary = null)
    {
        Requires.Bpf();
        binary ??= Answers.Recursion;
        using var answers = new Answers();
        var run = await Probe.UProbe(binary, probe).Select(hit => (hit.Tid, hit.Recursion, hit.RecursionReason)).RunAsync(new(binary, [mode, $"{depth}", answers.Path]), Options, Cancellation);
        Assert.True(run.ExitCode == 0, $"exit code {run.ExitCode}");
        Assert.Equal((0, 0, 0), (run.Health.Missed, run.Health.Dropped, run.Health.StackErrors));
        var truths = answers.Read();
        var hits = run.Result.GroupBy(static hit => hit.Item1).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());
        Assert.Equal(truths.Keys.Order(), hits.Keys.Order());
        Assert.All(truths, thread => Assert.Equal(thread.Value.Length, hits[thread.Key].Length));
        return [.. truths.SelectMany(thread => thread.Value.Zip(hits[thread.Key], static (truth, hit) => new Counted(truth, hit.Item2, hit.Item3)))];
    }

    private static void All(List<Counted> counted, string wanted, Func<Counted, bool> holds)
    {
        var bad = counted.Select(static (count, hit) => (count, hit)).Where(pair => !holds(pair.count)).ToArray();
        Assert.True(bad.Length == 0, $"{bad.Length} of {counted.Count} counts are not {wanted}:\n{string.Join('\n', bad.Take(10))}");
    }
}
