using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>What the kernel's walk says about its stacks, in every form that a query can ask for it.</summary>
public sealed class CompletenessTests
{
    /// <summary>Calls <c>leaf</c>, a handful of frames deep, with the register of frame pointers used for a list whose only node is its own successor.</summary>
    private const string Circle = """
        void leaf(void);
        __asm__(".globl leaf\n.type leaf,@function\nleaf:\n push %rbp\n pop %rbp\n ret\n.size leaf,.-leaf\n");
        void *node[2];
        int main(void)
        {
            node[0] = node;
            node[1] = (void *)main;
            __asm__ volatile("push %%rbp\n lea node(%%rip), %%rbp\n call leaf\n pop %%rbp" ::: "memory", "cc");
            return 0;
        }
        """;

    private const string Load = "ramp push 150 2";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Completeness Of(int depth) => depth >= Report.KernelWalkLimit ? Completeness.Truncated : Completeness.Broken;

    [Fact]
    public async Task Each_record_has_its_own()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => (hit.UStack.Length, hit.UStack.Completeness, hit.UStack.Reason)).RunAsync(command.Start, Command.Quiet, Cancellation);
        var depths = command.Report.Of("leaf_push").Lines.SelectMany(line => Enumerable.Repeat(line.Depth, (int)line.Count)).ToArray();
        Assert.Contains(depths, depth => depth > Report.KernelWalkLimit);
        Assert.Equal(depths.Select(Of), run.Result.Select(record => record.Item2));
        Assert.All(run.Result, record => Assert.Equal(record.Item2 == Completeness.Truncated ? StackReason.UnprovedLimit : StackReason.NoProof, record.Item3));
        Check.Healthy(command.Report.Of("leaf_push"), run.Health);
    }

    [Fact]
    public async Task It_is_a_key_and_a_filter()
    {
        using var command = new Command(Load);
        var source = Probe.UProbe(command.Start.FileName, "leaf_push");
        var groups = await source.GroupBy(hit => hit.UStack.Completeness).Count().RunAsync(command.Start, Command.Quiet, Cancellation);
        var model = command.Report.Of("leaf_push").By(line => Of(line.Depth));
        Check.Same(model, groups.Result, (report, count) => Assert.Equal(report.Count, count));

        using var again = new Command(Load);
        var uncut = await source.Where(hit => hit.UStack.Completeness != Completeness.Truncated).Select(hit => hit.UStack.Length).Max().RunAsync(again.Start, Command.Quiet, Cancellation);
        Assert.Equal(Report.KernelWalkLimit - 1, uncut.Result);
        Assert.Equal(model[Completeness.Broken].Count, uncut.Health.Hits);
        Assert.Equal(model[Completeness.Truncated].Count, uncut.Health.Truncated);
        Assert.Equal(DepthVerdict.Undecided, uncut.IsAtMost(Report.KernelWalkLimit));
    }

    [Fact]
    public async Task Complete_stacks_alone_can_be_asked_for()
    {
        using var command = new Command(Load);
        var source = Probe.UProbe(command.Start.FileName, "leaf_push");
        var user = await source.Where(hit => hit.UStack.IsComplete).Select(hit => hit.UStack.Length).Max().RunAsync(command.Start, Command.Quiet, Cancellation);
        var kernel = await source.Where(hit => hit.KStack.IsComplete).Select(hit => hit.KStack.Length).Max().RunAsync(command.Start, Command.Quiet, Cancellation);
        Assert.Equal((null, 0), (user.Result, user.Health.Hits));
        Assert.Equal(DepthVerdict.Within, kernel.IsAtMost(kernel.Result!.Value));
        Assert.Equal(DepthVerdict.Exceeds, kernel.IsAtMost(kernel.Result.Value - 1));
    }

    [Fact]
    public async Task What_the_kernel_cuts_can_be_a_circle_and_exceeds_no_limit()
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        using var folder = new Folder();
        File.WriteAllText(folder["circle.c"], Circle);
        using (var gcc = Process.Start("gcc", ["-O1", "-mno-red-zone", "-o", folder["circle"], folder["circle.c"]]))
        {
            gcc.WaitForExit();
            Assert.Equal(0, gcc.ExitCode);
        }

        var run = await Probe.UProbe(folder["circle"], "leaf").Select(hit => hit.UStack.Length).Max().RunAsync(new(folder["circle"]), Command.Quiet, Cancellation);

        Assert.Equal((0, Report.KernelWalkLimit), (run.ExitCode, run.Result));
        Assert.Equal(new StackReasonCounts((StackReason.UnprovedLimit, 1)), run.Health.Reasons);
        Assert.Equal(DepthVerdict.Undecided, run.IsAtMost(100));
    }

    [Fact]
    public async Task A_walk_that_the_query_names_is_that_of_the_options_that_name_it()
    {
        using var command = new Command(Load);
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.UStack.By(StackWalk.Kernel).Length).Summary()
            .RunAsync(command.Start, new() { CommandOutput = CommandOutput.Discard }, Cancellation);
        Check.Same(command.Report.Of("leaf_push"), run.Result);
        Check.Healthy(command.Report.Of("leaf_push"), run.Health);
    }
}
