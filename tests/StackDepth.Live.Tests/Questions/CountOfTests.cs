using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Questions;

/// <summary>The number of frames in a function, against what the target was told to do.</summary>
public sealed class CountOfTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };
    private static readonly string[] Flavours = ["plain", "fp", "nofp", "stripped"];
    private static readonly StackWalk[] Walks = [StackWalk.Auto, StackWalk.FramePointer, StackWalk.Unwind];
    private static readonly (int First, int Second)[] Some = [(0, 0), (1, 0), (0, 1), (2, 3), (30, 31), (500, 499), (1000, 2000)];
    private static readonly (int First, int Second)[] More = [(0, 0), (25, 2), (500, 499), (5000, 10_000)];
    private static readonly string[] Common = ["-O2", "-fno-inline", "-fno-optimize-sibling-calls", "-fno-ipa-icf"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, StackWalk> Builds => new(
        from build in Flavours
        from walk in Walks
        where walk != StackWalk.FramePointer || build is "fp" or "plain"
        select (build, walk));

    [Theory]
    [MemberData(nameof(Builds))]
    public async Task Each_function_has_as_many_frames_as_the_program_made(string build, StackWalk walk)
    {
        var program = Target(build);
        foreach (var (first, second) in Some)
        {
            var stack = await Only(program, walk, first, second, static s => (s.UStack.CountOf("self"), s.UStack.CountOf("even"), s.UStack.CountOf("odd", "even")));
            Assert.Equal((first + 1, (second / 2) + 1, second + 1), stack);
        }
    }

    // With one set of functions frames in plain text are counted as they are stepped over, with several all are looked up.
    [Theory]
    [MemberData(nameof(Builds))]
    public async Task One_set_alone_is_counted_the_same(string build, StackWalk walk)
    {
        var program = Target(build);
        foreach (var (first, second) in More)
        {
            Assert.Equal(first + 1, await One(program, walk, first, second, "self"));
            Assert.Equal((second + 1) / 2, await One(program, walk, first, second, "odd"));
            Assert.Equal(second + 1, await One(program, walk, first, second, "e?en", "counted*!odd"));
            Assert.Equal(1, await One(program, walk, first, second, "main"));
        }
    }

    [Fact]
    public async Task In_the_plain_build_frames_are_stepped_over_without_a_lookup()
    {
        await using var session = await Probe.UProbe(Target("plain"), "self").Select(static s => s.UStack.Length).Max().AttachAsync(Quiet, Cancellation);
        Assert.Equal(FrameStep.FramePointer, Assert.Single(session.Sites).Step);
    }

    [Theory]
    [InlineData("fp")]
    [InlineData("nofp")]
    [InlineData("stripped")]
    public async Task A_part_that_is_seldom_run_counts_with_its_function(string build)
    {
        var program = Target(build);
        var frames = await Only(program, StackWalk.Unwind, -1, 20, static s => (s.UStack.CountOf("split"), s.UStack.CountOf("fail"), s.UStack.Length));
        Assert.Equal((21, 21), (frames.Item1, frames.Item2));
        if (build == "stripped")
            return;
        // The frames are in the part that the compiler split off: without it there would be none.
        var text = Process.Start(new ProcessStartInfo("nm", [program]) { RedirectStandardOutput = true })!.StandardOutput.ReadToEnd();
        Assert.Contains("split.cold", text, StringComparison.Ordinal);
        Assert.Equal(21, await One(program, StackWalk.Unwind, -1, 20, "split.cold"));
    }

    [Fact]
    public async Task Filters_and_groups_take_it_as_any_number()
    {
        var program = Target("fp");
        var command = new ProcessStartInfo(program, ["3", "4"]);
        var source = Probe.UProbe(program, "leaf");
        Assert.Equal(1, (await source.Where(static s => s.UStack.CountOf("self") == 4).Count().RunAsync(command, Quiet, Cancellation)).Result);
        Assert.Equal(0, (await source.Where(static s => s.UStack.CountOf("self") > 4).Count().RunAsync(command, Quiet, Cancellation)).Result);
        var groups = (await source.GroupBy(static s => s.UStack.CountOf("even")).Max(static s => s.UStack.CountOf("self")).RunAsync(command, Quiet, Cancellation)).Result;
        Assert.Equal((3, 4), (Assert.Single(groups).Key, groups[3]));
        Assert.Equal(4, (await source.Select(static s => s.UStack.CountOf("self")).Max().RunAsync(command, Quiet, Cancellation)).Result);
    }

    [Fact]
    public async Task What_no_file_has_is_refused_with_near_names_before_anything_runs()
    {
        var program = Target("fp");
        var query = Probe.UProbe(program, "leaf").Select(static s => s.UStack.CountOf("evem")).Max();
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => query.RunAsync(new(program, ["0", "0"]), Quiet, Cancellation));
        Assert.Contains("'evem'", error.Message, StringComparison.Ordinal);
        Assert.Contains("even", error.Suggestions);

        // Code that is loaded later is named with its file.
        var later = Probe.UProbe(program, "leaf").Select(static s => s.UStack.CountOf("plugin.so!run")).Max();
        Assert.Equal(0, (await later.RunAsync(new(program, ["0", "0"]), Quiet, Cancellation)).Result);
    }

    [Fact]
    public async Task The_kernels_walk_gives_no_frames_to_count()
    {
        var query = Probe.UProbe(Target("fp"), "leaf").Select(static s => s.UStack.By(StackWalk.Kernel).CountOf("self")).Max();
        Assert.Contains("CountOf", (await Assert.ThrowsAsync<ProbeQueryException>(async () => await query.AttachAsync(null, Cancellation))).Message, StringComparison.Ordinal);
        Assert.Throws<ProbeQueryException>(static () => Probe.UProbe("a", "b").Select(static s => s.KStack.CountOf("c")));
        Assert.Throws<ProbeQueryException>(static () => Probe.UProbe("a", "b").Select(static s => s.UStack.CountOf()));
        Assert.Throws<ProbeQueryException>(static () => Probe.UProbe("a", "b").Select(static s => s.UStack.CountOf("m!")));
        var many = Probe.UProbe(Target("fp"), "leaf").Where(static s => Enumerable.Range(0, 9).Select(set => s.UStack.CountOf($"f{set}") > 0).Aggregate(static (all, one) => all & one)).Count();
        Assert.Contains("at most 8", Assert.Throws<ProbeQueryException>(() => many.Explain()).Message, StringComparison.Ordinal);
    }

    private static async Task<int?> One(string program, StackWalk walk, int first, int second, params string[] functions) =>
        await Only(program, walk, first, second, s => s.UStack.CountOf(functions));

    private static async Task<T> Only<T>(string program, StackWalk walk, int first, int second, Func<EntryContext, Expr<T>> select) =>
        Complete(await Probe.UProbe(program, "leaf").Select(select).RunAsync(Run(program, first, second), Quiet with { Walk = walk }, Cancellation));

    private static async Task<(T1, T2, T3)> Only<T1, T2, T3>(string program, StackWalk walk, int first, int second, Func<EntryContext, (Expr<T1>, Expr<T2>, Expr<T3>)> select) =>
        Complete(await Probe.UProbe(program, "leaf").Select(select).RunAsync(Run(program, first, second), Quiet with { Walk = walk }, Cancellation));

    private static T Complete<T>(ProbeRun<System.Collections.Immutable.ImmutableArray<T>> run)
    {
        // Where rbp is followed the end, in libc, is not proved.
        Assert.True(run.Health is { Hits: 1, StackErrors: 0 }, run.Health.ToString());
        return Assert.Single(run.Result);
    }

    private static ProcessStartInfo Run(string program, int first, int second) => new(program, [Text(first), Text(second)]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Target(string build) => build switch
    {
        "plain" => CTarget.Of("counted.c", "counted-plain", ["-O0", "-fno-omit-frame-pointer", "-fcf-protection=none"]),
        "fp" => CTarget.Of("counted.c", "counted-fp", [.. Common, "-fno-omit-frame-pointer"]),
        "nofp" => CTarget.Of("counted.c", "counted-nofp", [.. Common, "-fomit-frame-pointer"]),
        _ => CTarget.Of("counted.c", "counted-stripped", [.. Common, "-fomit-frame-pointer", "-rdynamic"], static file => Process.Start("strip", [file]).WaitForExit()),
    };
}
