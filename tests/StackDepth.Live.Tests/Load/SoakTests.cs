namespace StackDepth.Live.Tests.Load;

/// <summary>A short soak; tests/soak/run.sh makes long ones.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class SoakTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_call_is_in_each_result_or_counted_as_lost()
    {
        Requires.Bpf();
        var figures = await Soak.Run(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        output.WriteLine(figures.ToString());
        Assert.Empty(figures.Unaccounted);
        Assert.True(figures.Calls > 1000 && figures.Forked > 10, figures.ToString());
    }
}
