namespace StackDepth.Live.Tests.Generated;

/// <summary>Random queries over the whole language, in the real kernel, against what they mean. <c>tests/random/run.sh</c> tries more of them.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class RandomQueryTests(ITestOutputHelper output)
{
    private const int Count = 2_000;

    [Fact]
    public void Random_queries_answer_what_they_mean()
    {
        Requires.Bpf();
        Requires.Linux(6, 6);
        using var trials = new LiveTrials();

        var figures = trials.Run(first: 0, Count, output.WriteLine);

        Assert.True(figures.Failures.IsEmpty, string.Join("\n\n", figures.Failures.Select(static failure => failure.Report)));
        // Most of them are programs that ran.
        Assert.InRange(figures.TooLarge, 0, Count / 20);
        Assert.True(figures.Hits > Count * 10);
    }
}
