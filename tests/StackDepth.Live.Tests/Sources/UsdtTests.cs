using System.Collections.Immutable;
using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>USDT probes, against what the target prints of their arguments.</summary>
public sealed class UsdtTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("-O0", false)]
    [InlineData("-O2", false)]
    [InlineData("-O2", true)]
    public async Task Arguments_are_those_of_the_place_that_was_hit(string optimization, bool hasSemaphores)
    {
        var program = Program(optimization, hasSemaphores);
        using var printed = new PrintedLines();
        var run = await Run(Probe.Usdt(program, "demo", "tick").Select(static s => (s.Arg(0), s.Arg(1), s.Arg(2))), program, printed);
        Assert.Equal(printed.Unnamed().Select(static tick => (tick[0], tick[1], tick[2])), run.Result);
        Assert.Equal((56, true), (run.Result.Length, run.Health.IsExact));
        Assert.Equal(3, run.Sites.Length);
        Assert.All(run.Sites, static site => Assert.Equal("demo:tick", site.Symbol));
        // While they are attached somebody listens at each of them; the target asks at its end.
        Assert.Equal(hasSemaphores ? 3 : 0, Assert.Single(printed.Of("listeners"))[0]);
    }

    [Fact]
    public async Task Filters_groups_and_aggregates_take_arguments()
    {
        var program = Program("-O2", hasSemaphores: true);
        using var printed = new PrintedLines();
        var groups = await Run(Probe.Usdt(program, "demo", "tick").Where(static s => s.Arg(1) < 0 | s.Arg(0) == 1L << 40).GroupBy(static s => (s.Arg(0), s.Function)).Max(static s => s.Arg(2)), program, printed, 0);
        var expected = printed.Unnamed().Where(static tick => tick[1] < 0 || tick[0] == 1L << 40).GroupBy(static tick => tick[0]).Select(static group => (group.Key, group.Max(static tick => tick[2])));
        Assert.Equal(expected.Order(), groups.Result.Select(static group => (group.Key.Item1, group.Value)).Order());
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.Unwind)]
    public async Task A_stack_within_a_function_is_as_deep_as_the_recursion(StackWalk walk)
    {
        var program = Program("-O2", hasSemaphores: false);
        using var printed = new PrintedLines();
        var flat = await Run(Probe.Usdt(program, "demo", "deep").MaxBy(static s => s.UStack.Length), program, printed, 0, walk);
        var deep = await Run(Probe.Usdt(program, "demo", "deep").MaxBy(static s => s.UStack.Length), program, printed, 500, walk);
        Assert.Equal(flat.Result!.Value + 500, deep.Result!.Value);
        Assert.Equal((Completeness.Complete, "main"), (deep.Result.Stack.Completeness, deep.Result.Stack.Frames.First(static frame => frame.Symbol == "main").Symbol));
    }

    [Fact]
    public async Task What_an_argument_cannot_be_read_for_is_said_only_where_it_is_asked()
    {
        var program = Program("-O2", hasSemaphores: true);
        using var printed = new PrintedLines();
        var all = await Run(Probe.Usdt(program, "demo", "*").GroupBy(static s => s.Function).Count(), program, printed, 0);
        Assert.Equal(["demo:deep", "demo:named", "demo:none", "demo:odd", "demo:tick"], all.Result.Keys.Select(static function => function.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Contains("cannot be read", Refused(Probe.Usdt(program, "demo", "odd").Select(static s => s.Arg(0))), StringComparison.Ordinal);
        Assert.Contains("demo:none has no arguments, and no Arg(0). Leave Arg away.", Refused(Probe.Usdt(program, "demo", "none").Select(static s => s.Arg(0))), StringComparison.Ordinal);
        Assert.Contains("demo:tick has 3 arguments, Arg(0) to Arg(2), and no Arg(3)", Refused(Probe.Usdt(program, "demo", "tick").Select(static s => s.Arg(3))), StringComparison.Ordinal);
        Assert.Contains("at most 12 arguments", Assert.Throws<ProbeQueryException>(() => Probe.Usdt(program, "demo", "tick").Select(static s => s.Arg(12))).Message, StringComparison.Ordinal);
        Assert.Contains("demo:tick", Assert.Throws<ProbeTargetNotFoundException>(() => Probe.Usdt(program, "demo", "tik").Count().Explain()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Python_tells_of_each_collection_and_its_generation()
    {
        const string python = "/usr/bin/python3.11";
        Requires.Bpf();
        Requires.That(File.Exists(python), "Debian's python3.11");
        var query = Probe.Usdt(python, "python", "gc__start").GroupBy(static s => s.Arg(0)).Count();
        var (few, many) = (await query.RunAsync(Collect(10), Quiet, Cancellation), await query.RunAsync(Collect(310), Quiet, Cancellation));
        // The interpreter collects for itself while it starts and ends.
        Assert.Equal([200, 100], [many.Result[0] - few.Result[0], many.Result[1] - few.Result[1]]);

        static ProcessStartInfo Collect(int times) => new(python, ["-I", "-c", $"import gc\ngc.disable()\nfor i in range({times}): gc.collect(i % 3 % 2)"]);
    }

    internal static string Program(string optimization, bool hasSemaphores)
    {
        Requires.That(Directory.EnumerateFiles("/usr/include", "sdt.h", SearchOption.AllDirectories).Any(), "sys/sdt.h (systemtap-sdt-dev)");
        return CTarget.Of(
            "usdt.c", $"usdt{optimization}{(hasSemaphores ? "-semaphores" : "")}", [optimization, "-g", "-fno-optimize-sibling-calls", .. hasSemaphores ? ["-DSEMAPHORES"] : Array.Empty<string>()]);
    }

    private static string Refused<T>(ProbeStream<T> query) => Assert.Throws<ProbeQueryException>(() => query.Explain()).Message;

    private static async Task<ProbeRun<T>> Run<T>(ProbeQuery<T> query, string program, PrintedLines printed, int depth, StackWalk walk = StackWalk.Auto)
    {
        var run = await query.RunAsync(new(program, [printed.Path, depth.ToString(System.Globalization.CultureInfo.InvariantCulture)]), Quiet with { Walk = walk }, Cancellation);
        Assert.Equal((0, 0), (run.ExitCode, run.Health.Missed + run.Health.Dropped));
        return run;
    }

    private static async Task<ProbeRun<ImmutableArray<T>>> Run<T>(ProbeStream<T> stream, string program, PrintedLines printed)
    {
        var run = await stream.RunAsync(new(program, [printed.Path, "0"]), Quiet, Cancellation);
        Assert.Equal((0, 0), (run.ExitCode, run.Health.Missed + run.Health.Dropped));
        return run;
    }
}
