using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Python;

/// <summary>
/// A program with structures of its own making: those of CPython 3.14, which says where its fields are and is not on every machine, and such as only a broken or hostile process has.
/// </summary>
public sealed class FakePythonTests
{
    private const string Hit = "leaf";

    [Theory]
    [InlineData("plain", 0, 0, StackReason.None)]
    [InlineData("plain", 1, 1, StackReason.None)]
    [InlineData("plain", 10, 10, StackReason.None)]
    [InlineData("plain", 2000, 2000, StackReason.None)]
    [InlineData("plain", 100_000, 100_000, StackReason.None)]
    [InlineData("edge", 12, 12, StackReason.None)]
    [InlineData("stateless", 12, 0, StackReason.None)]
    [InlineData("early", 12, 0, StackReason.None)]
    [InlineData("active", 12, 12, StackReason.None)]
    public async Task Structures_as_of_3_14_are_counted(string structures, int depth, int length, StackReason reason) => Assert.Equal((length, reason), await Measure(structures, depth));

    [Theory]
    [InlineData("circle", 20, StackReason.Corrupt)]
    [InlineData("circle", 50_000, StackReason.Corrupt)]
    [InlineData("self", 20, StackReason.Corrupt)]
    [InlineData("misaligned", 20, StackReason.Corrupt)]
    [InlineData("owner", 20, StackReason.Corrupt)]
    [InlineData("unmapped", 20, StackReason.ReadFailed)]
    [InlineData("kernel", 20, StackReason.ReadFailed)]
    [InlineData("code", 21, StackReason.ReadFailed)]
    [InlineData("unlinked", 20, StackReason.PythonBusy)]
    [InlineData("ring", 20, StackReason.PythonBusy)]
    [InlineData("stranger", 20, StackReason.PythonBusy)]
    [InlineData("empty", 20, StackReason.PythonBusy)]
    [InlineData("around", 20, StackReason.PythonBusy)]
    [InlineData("several", 20, StackReason.PythonGuess)]
    [InlineData("forked", 20, StackReason.PythonGuess)]
    public async Task Structures_that_cannot_be_are_never_taken_for_a_complete_stack(string structures, int depth, StackReason reason) => Assert.Equal(reason, (await Measure(structures, depth)).Reason);

    [Theory]
    [InlineData("-DVERSION=0x030f00f0")]
    [InlineData("-DVERSION=0x030e00a1")]
    [InlineData("-DVERSION=0x02071200")]
    [InlineData("-DFREE_THREADED=1")]
    public async Task Versions_and_builds_that_are_not_known_are_refused(string flag) => Assert.Equal((0, StackReason.PythonUnsupported), await Measure("plain", 10, flag));

    [Theory]
    [InlineData("plain", 1, 0)]
    [InlineData("unmapped", 0, 1)]
    public async Task A_filter_is_undecided_where_the_count_is_only_a_bound(string structures, int hits, int undecided)
    {
        Requires.Bpf();
        using var target = new LiveTarget(Program());
        await using var session = await Probe.UProbe(Program(), Hit).ForProcess(target.Pid).Where(s => s.Python.Length >= 8).Select(s => s.Python.Length).Count().AttachAsync(
            new() { Walk = StackWalk.Kernel }, TestContext.Current.CancellationToken);
        target.Ask($"{structures} 8");
        // The count of the second says nothing of what follows.
        await session.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal((hits, undecided), (session.Health.Hits, session.Health.Undecided));
    }

    internal static string Program(params string[] flags) => Builds.C("fakepython", ["-O1", "-rdynamic", "-pthread", .. flags, "fakepython.c"]);

    private static async Task<(int Length, StackReason Reason)> Measure(string structures, int depth, params string[] flags)
    {
        Requires.Bpf();
        var program = Program(flags);
        using var target = new LiveTarget(program);
        await using var session = await Probe.UProbe(program, Hit).ForProcess(target.Pid).Select(s => (s.Python.Length, s.Python.Reason)).AttachAsync(
            new() { Walk = StackWalk.Kernel }, TestContext.Current.CancellationToken);
        List<(int Length, StackReason Reason)> counted = [];
        using (session.Subscribe(counted.Add))
        {
            target.Ask($"{structures} {depth}");
            await session.StopAsync(TestContext.Current.CancellationToken);
        }
        return Assert.Single(counted);
    }
}
