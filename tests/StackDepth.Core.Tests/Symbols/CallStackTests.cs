using System.Collections.Immutable;
using StackDepth.Symbols;

namespace StackDepth.Core.Tests.Symbols;

public sealed class CallStackTests
{
    private static readonly StackFrame Main = new(0x10, "/opt/deep", "main", 0x15);

    [Fact]
    public void A_run_of_one_frame_is_one_line() => Assert.Equal(
        """
        #0    rec+0x0 (deep)
        #1    rec+0x2a (deep)  x4,998
        #4999 main+0x15 (deep)
        #5000 libc.so.6+0x29d90
        """,
        Text([Frame(1, "rec", 0), .. Enumerable.Repeat(Frame(2, "rec", 0x2a), 4998), Main, new(3, "/lib/libc.so.6", null, 0x29d90)]));

    [Fact]
    public void A_group_of_frames_that_repeats_is_one_line() => Assert.Equal(
        """
        #0    leaf+0x4 (deep)
        #1    [even+0x1f | odd+0x22] (deep)  x2,499
        #4999 main+0x15 (deep)
        """,
        Text([Frame(1, "leaf", 4), .. Repeat(2499, Frame(2, "even", 0x1f), Frame(3, "odd", 0x22)), Main]));

    [Fact]
    public void Frames_of_a_group_from_several_files_each_say_theirs() => Assert.Equal(
        "#0 [call+0x1 (deep) | python3+0x99 | 0x7f00]  x3",
        Text([.. Repeat(3, Frame(2, "call", 1), new(3, "/usr/bin/python3", null, 0x99), new(0x7f00, null, null, 0))]));

    [Fact]
    public void A_stack_that_is_not_complete_says_why_at_its_end()
    {
        Assert.Equal("#0 main+0x15 (deep)\n(truncated: the limit of frames)", new CallStack([Main], StackReason.FrameLimit).ToString());
        Assert.Equal("(broken: memory of the stack could not be read)", new CallStack([], StackReason.ReadFailed).ToString());
        Assert.Equal("no frames", new CallStack(default).ToString());
        Assert.All(StackReasons.All, static reason => Assert.Contains(": ", new CallStack([Main], reason).ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void Names_cannot_steer_the_terminal() => Assert.Equal(
        "#0 a\\x1b[31m\\x0a+0x0 (b\\u{202e})",
        Text([new(1, "/tmp\u001b/b\u202e", "a\u001b[31m\n", 0)]));

    [Fact]
    public void Stacks_with_the_same_frames_are_equal()
    {
        var stack = new CallStack([Main, Frame(1, "rec", 0)]);
        Assert.Equal(stack, new CallStack([Main, Frame(1, "rec", 0)]));
        Assert.Equal(stack.GetHashCode(), new CallStack([Main, Frame(1, "rec", 0)]).GetHashCode());
        Assert.NotEqual(stack, new CallStack([Main]));
        Assert.NotEqual(stack, stack with { Reason = StackReason.FrameLimit });
        Assert.Equal(Completeness.Truncated, (stack with { Reason = StackReason.FrameLimit }).Completeness);
        Assert.Equal(new CallStack(default), new CallStack([]));
    }

    [Fact]
    public void Whatever_repeats_the_lines_unfold_to_the_frames()
    {
        var random = new Random(5);
        for (var round = 0; round < 2000; round++)
        {
            var frames = new List<StackFrame>();
            for (var part = random.Next(6); part > 0; part--)
            {
                var group = Enumerable.Range(0, random.Next(1, 10)).Select(_ => Frame((ulong)random.Next(4), "f", 0)).ToArray();
                frames.AddRange(Repeat(random.Next(1, 6), group));
            }

            var unfolded = new List<StackFrame>();
            foreach (var run in StackFolding.Fold([.. frames]))
            {
                Assert.Equal(unfolded.Count, run.First);
                Assert.InRange(run.Length, 1, StackFolding.LongestGroup);
                Assert.True(run.Count > 1 || run.Length == 1);
                unfolded.AddRange(Repeat(run.Count, [.. frames.GetRange(run.First, run.Length)]));
            }

            Assert.Equal(frames, unfolded);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    public void Recursion_through_up_to_eight_functions_is_one_run(int functions)
    {
        var group = Enumerable.Range(0, functions).Select(static i => Frame((ulong)i, "f", 0)).ToArray();
        Assert.Equal([new StackRun(0, functions, 250_000)], StackFolding.Fold(Repeat(250_000, group).ToArray()));
    }

    private static StackFrame Frame(ulong address, string symbol, ulong offset) => new(address, "/opt/deep", symbol, offset);

    private static IEnumerable<StackFrame> Repeat(int count, params StackFrame[] group) => Enumerable.Repeat(group, count).SelectMany(static frames => frames);

    private static string Text(ImmutableArray<StackFrame> frames) => new CallStack(frames).ToString();
}
