namespace StackDepth.Live.Tests.Walks;

/// <summary>The truths themselves, before any walk is measured by them.</summary>
public sealed class TruthTests
{
    public static TheoryData<string> Reporting => Corpus.Names(static target => target is { Truth: TruthSource.Report, BaseOf: null, Bases: null });

    public static TheoryData<string> Witnessed => Corpus.Names(static target => target.Truth == TruthSource.Gdb);

    [Theory]
    [MemberData(nameof(Reporting))]
    public async Task What_the_program_reports_is_what_gdb_counts(string name)
    {
        var bases = await Truths.Bases(Corpus.All[name]);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", bases));
        Assert.All(bases.Values, static below => Assert.InRange(below, 1, 20));
    }

    [Theory]
    [MemberData(nameof(Witnessed))]
    public async Task Where_gdb_alone_counts_deeper_recursion_is_never_less_deep(string name)
    {
        var target = Corpus.All[name];
        var depths = await Task.WhenAll(target.Depths.Take(2).Select(depth => Truths.Depths(target, depth)));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join("; ", depths.Select(static hits => string.Join(' ', hits))));
        Assert.All(depths, static hits => Assert.All(hits, static depth => Assert.InRange(depth, 5, 10_000)));
        Assert.True(depths[1][^1] >= depths[0][^1]);
    }
}
