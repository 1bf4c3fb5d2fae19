using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>Each pair of docs/from-bpftrace.md: ours against what the target does, and bpftrace's line beside it where there is a bpftrace.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class PairTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    public static TheoryData<string> Titles { get; } = [.. PairCorpus.All.Select(static pair => pair.Title)];

    [Fact]
    public void Every_pair_has_a_title_of_its_own() => Assert.Equal(PairCorpus.All.Length, PairCorpus.All.Select(static pair => pair.Title).Distinct().Count());

    [Fact]
    public void The_document_is_what_runs()
    {
        var path = Path.Combine(Repository(), "docs", "from-bpftrace.md");
        var now = PairDocument.Write();
        var before = File.Exists(path) ? File.ReadAllText(path) : "";
        if (before == now)
            return;
        if (Environment.GetEnvironmentVariable("STACKDEPTH_ACCEPT") == "1")
            File.WriteAllText(path, now);
        Assert.Fail($"{path} differs from the pairs: STACKDEPTH_ACCEPT=1 rewrites it (that run fails too); read it, and run again without.");
    }

    [Theory]
    [MemberData(nameof(Titles))]
    public async Task Our_answer_is_what_the_target_does(string title)
    {
        var pair = Find(title);
        Requires.Bpf();
        Assert.NotNull(tracefs);
        using var folder = new Folder();
        var report = folder["report"];
        var app = Binary(pair.Target);
        var start = new ProcessStartInfo(app, pair.Arguments.Split(' '));
        start.Environment["REPORT"] = report;

        var (answer, health) = await pair.Ask(app, start);

        var right = pair.IsReported ? File.ReadAllLines(report).Last(static line => line.StartsWith("depth ", StringComparison.Ordinal))["depth ".Length..] : pair.Answer;
        Assert.Equal(right, answer);
        if (pair.IsExact)
            Assert.True(health.IsExact, health.ToString());
    }

    [Theory]
    [MemberData(nameof(Titles))]
    public async Task Bpftrace_answers_as_the_document_says(string title)
    {
        var pair = Find(title);
        var root = PairPeer.Find();
        var app = Binary(pair.Target);

        var theirs = await PairPeer.Ask(root, pair.Bpftrace.Replace("APP", app, StringComparison.Ordinal), $"{app} {pair.Arguments}");

        Assert.Equal(pair.Theirs ?? pair.Answer, theirs);
    }

    internal static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "StackDepth.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("The document is in the repository, and the tests do not run inside of one.");
        return folder.FullName;
    }

    private static Pair Find(string title) => PairCorpus.All.Single(pair => pair.Title == title);

    private static string Binary(PairTarget target) => target switch
    {
        PairTarget.FramePointers => CTarget.Of("pairs.c", "app", ["-O1", "-static", "-nostdlib", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]),
        PairTarget.Libc => CTarget.Of("pairs-libc.c", "libc", ["-O1", "-pthread", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]),
        _ => CTarget.Of("pairs-libc.c", "plain", ["-O1", "-pthread", "-fomit-frame-pointer", "-fno-optimize-sibling-calls"]),
    };
}
