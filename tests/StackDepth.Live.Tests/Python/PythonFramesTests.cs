using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Python;

/// <summary>The number of Python frames against what the scripts themselves see of them, over all Pythons at hand.</summary>
public sealed class PythonFramesTests
{
    private const string Modes =
        "plain,reduce,sort,generator,callback,slots,comprehension,evaluate,exception,collector,import,asyncio,signal,foreign,trace,interpreters";

    public static TheoryData<string> Pythons { get; } = [.. PythonTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Pythons))]
    public async Task Frames_of_all_sorts_are_counted_as_Python_shows_them(string python) => await Check(python, "1,2,7,60", Modes, hits: 600);

    [Theory]
    [MemberData(nameof(Pythons))]
    public async Task Deep_recursion_is_counted_exactly(string python) => await Check(python, "500,2000", "plain,reduce,generator,signal,asyncio", hits: 40);

    [Theory]
    [MemberData(nameof(Pythons))]
    public async Task Eight_threads_at_once_are_counted_each_for_itself(string python) => await Check(python, "10,300", "threads", hits: 8 * 5 * 2 * 2 * 2);

    [Theory]
    [MemberData(nameof(Pythons))]
    public async Task A_function_of_the_interpreter_itself_is_probed_with_the_frames_of_its_callers(string python)
    {
        var program = PythonTargets.All[python];
        var symbol = python.Contains("3.13", StringComparison.Ordinal) ? "_PyMarshal_WriteObjectToString" : "PyMarshal_WriteObjectToString";
        var pairs = await Run(program, program, symbol, "1,2,100", "marshal");
        Assert.Equal(3, pairs.Length);
        PythonReport.AssertExact(pairs);
    }

    [Fact]
    public async Task Native_and_Python_frames_are_counted_at_the_same_hit_each_with_its_completeness()
    {
        var program = Any();
        using var report = new PythonReport();
        var run = await Probe.UProbe(PythonTargets.Library, "py_leaf").Where(s => s.Python.Length >= 30).Select(s => (s.UStack.Length, s.Python.Length, s.Python.IsComplete)).RunAsync(
            PythonTargets.Command(program, report.Path, "5,20,25,40", "reduce"), Quiet with { Walk = StackWalk.Auto }, TestContext.Current.CancellationToken);
        // Twice as many frames as levels, and more: the shallowest run is filtered out.
        Assert.Equal(report.Read().Where(static line => line.Count >= 30).Select(static line => line.Count), run.Result.Select(static hit => hit.Item2));
        Assert.All(run.Result, static hit => Assert.True(hit.Item3));
        Assert.All(run.Result, static hit => Assert.True(hit.Item1 > hit.Item2, $"{hit}"));
    }

    [Fact]
    public async Task A_limit_of_frames_truncates_and_says_so()
    {
        using var report = new PythonReport();
        var pairs = await Run(Any(), PythonTargets.Library, "py_leaf", "5,100", "plain", Quiet with { MaxFrames = 50 }, report);
        Assert.Equal(4, pairs.Length);
        Assert.All(pairs[..2], static pair => Assert.Equal((StackReason.None, pair.Truth.Count), (pair.Counted.Reason, pair.Counted.Length)));
        Assert.All(pairs[2..], static pair => Assert.Equal((StackReason.FrameLimit, 50), (pair.Counted.Reason, pair.Counted.Length)));
    }

    private static AttachOptions Quiet { get; } = new() { Walk = StackWalk.Kernel, CommandOutput = CommandOutput.Discard, RingBufferBytes = 4 << 20 };

    private static string Any()
    {
        Requires.That(PythonTargets.All.Count > 0, "a Python of version 3.9 or newer");
        return PythonTargets.All.Values.First();
    }

    private static async Task Check(string python, string depths, string modes, int hits)
    {
        var pairs = await Run(PythonTargets.All[python], PythonTargets.Library, "py_leaf", depths, modes);
        Assert.True(pairs.Length >= hits, $"{pairs.Length} hits");
        PythonReport.AssertExact(pairs);
    }

    private static async Task<(ReportedFrames Truth, CountedFrames Counted)[]> Run(string python, string binary, string symbol, string depths, string modes, AttachOptions? options = null, PythonReport? into = null)
    {
        Requires.Bpf();
        using var report = into is null ? new PythonReport() : null;
        var file = into ?? report!;
        var run = await OneAtATime.Use(binary, () => Probe.UProbe(binary, symbol).Select(s => (s.Tid, s.Python.Length, s.Python.Reason)).RunAsync(
            PythonTargets.Command(python, file.Path, depths, modes), options ?? Quiet, TestContext.Current.CancellationToken));
        Assert.Equal(0, run.ExitCode);
        Assert.Equal((0, 0, 0), (run.Health.Missed, run.Health.Dropped, run.Health.StackErrors));
        return file.Beside(run.Result.Select(static hit => new CountedFrames(hit.Item1, hit.Item2, hit.Item3)));
    }
}
