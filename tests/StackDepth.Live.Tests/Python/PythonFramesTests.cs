using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Python;

/// <summary>The number of Python frames against what the scripts themselves see of them, over all Pythons at hand.</summary>
public sealed class PythonFramesTests
{
    private const string Modes =
        "plain,reduce,sort,generator,callback,slots,comprehension,evaluate,exception,collector,import,asyncio,signal,foreign,trace,interpreters";

    public static TheoryData<string> Pythons { get; } = [.. PythonTargets.All.Keys];

    /// <summary>Without link-time optimization, which puts the interpreter's functions into each other.</summary>
    public static TheoryData<string> OwnBuilds { get; } = [.. PythonTargets.All.Keys.Where(static name => name.StartsWith("pyenv", StringComparison.Ordinal))];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task Frames_of_all_sorts_are_counted_as_Python_shows_them(string python) => await Check(python, "1,2,7,60", Modes, hits: 550);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task Deep_recursion_is_counted_exactly(string python) => await Check(python, "500,2000", "plain,generator,signal,asyncio", hits: 32);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task Deep_recursion_through_C_is_counted_exactly(string python) => await Check(python, "300,400", "reduce,sort,callback,slots,evaluate", hits: 20);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task Eight_threads_at_once_are_counted_each_for_itself(string python) => await Check(python, "10,300", "threads", hits: 8 * 5 * 2 * 2 * 2);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task Threads_that_come_and_go_do_not_disturb_the_count_of_others(string python)
    {
        var pairs = await Run(PythonTargets.All[python], PythonTargets.Library, "py_leaf", "40", "churn");
        // A thread that begins or ends can be preempted while it holds the lock of the process's mappings: a hit then says that it could not count.
        var counted = pairs.Where(static pair => pair.Counted.Reason != StackReason.MappingBusy).ToArray();
        Assert.True(counted.Length >= 8 * 15 * 2 * 2 * 9 / 10, $"{counted.Length} of {pairs.Length} hits were counted");
        PythonReport.AssertExact(counted);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task A_function_of_the_interpreter_itself_is_probed_with_the_frames_of_its_callers(string python)
    {
        var program = PythonTargets.All[python];
        var symbol = python.Contains("3.13", StringComparison.Ordinal) ? "_PyMarshal_WriteObjectToString" : "PyMarshal_WriteObjectToString";
        var pairs = await Run(program, program, symbol, "1,2,100", "marshal");
        Assert.Equal(3, pairs.Length);
        PythonReport.AssertExact(pairs);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(OwnBuilds))]
    public async Task A_frame_that_has_not_come_to_its_first_line_does_not_count(string python)
    {
        Requires.Bpf();
        var program = PythonTargets.All[python];
        using var report = new PythonReport();
        var run = await OneAtATime.Use(program, () => Probe.UProbe(program, "PyCell_New").Select(s => (s.Tid, s.Python.Length, s.Python.Reason)).RunAsync(
            PythonTargets.Command(program, report.Path, "1,5,100", "cells"), Quiet, TestContext.Current.CancellationToken));
        Assert.Equal(0, run.ExitCode);
        var truth = report.Read();
        Assert.Equal(12, truth.Length);
        // Those of the threads that report. A thread's own start may make cells too, at no known depth, before: what is reported comes last.
        foreach (var thread in truth.GroupBy(static line => line.Tid))
        {
            var counted = run.Result.Where(hit => hit.Item1 == thread.Key).Select(static hit => (hit.Item2, hit.Item3)).ToArray();
            var first = Array.FindIndex(counted, hit => hit.Item1 == thread.First().Count);
            Assert.True(first >= 0, string.Join(", ", counted));
            Assert.Equal(thread.Select(static line => (line.Count, StackReason.None)), counted.Skip(first).Take(thread.Count()));
        }
    }

    [Fact]
    public async Task Native_and_Python_frames_are_counted_at_the_same_hit_each_with_its_completeness()
    {
        var program = Any();
        using var report = new PythonReport();
        var run = await Probe.UProbe(PythonTargets.Library, "py_leaf").Where(s => s.Python.Length >= 30).Select(s => (s.UStack.Length, s.UStack.IsComplete, s.Python.Length)).RunAsync(
            PythonTargets.Command(program, report.Path, "5,20,25,40", "plain,settle,reduce"), Quiet with { Walk = StackWalk.Auto }, TestContext.Current.CancellationToken);
        // The shallowest calls are filtered out.
        var truth = report.Read().Where(static line => line.Count >= 30).ToArray();
        Assert.Equal(truth.Select(static line => line.Count), run.Result.Select(static hit => hit.Item3));
        Assert.Equal(0, run.Health.Undecided);
        // A native stack through a library that was opened this very moment may not be complete. Where C calls Python back it has more frames than Python has.
        var both = truth.Zip(run.Result).Where(static pair => pair.First.Tag.StartsWith("reduce", StringComparison.Ordinal) && pair.Second.Item2).ToArray();
        Assert.NotEmpty(both);
        Assert.All(both, static pair => Assert.True(pair.Second.Item1 > pair.Second.Item3, $"{pair}"));
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
