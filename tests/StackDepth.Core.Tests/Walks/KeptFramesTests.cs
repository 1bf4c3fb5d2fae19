using StackDepth.Compile;
using StackDepth.Core.Tests.Interpreter;

namespace StackDepth.Core.Tests.Walks;

/// <summary>The frames that the bytecode keeps of a hit against those that a model of the walk meets.</summary>
public sealed class KeptFramesTests
{
    // TrailLayout.OfAll.
    private const int Entries = 4096;

    private const int Rounds = 250;

    [Theory]
    [MemberData(nameof(WalkPropertyTests.Walks), MemberType = typeof(WalkPropertyTests))]
    public void All_frames_of_a_walk_are_kept(StackWalk walk, int maxFrames, bool entersAtFunctions)
    {
        var machine = new WalkMachine(walk, maxFrames, entersAtFunctions, keep: true);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var (process, registers) = new RandomStacks(random, machine).Next();
            var expected = machine.Model(process, registers);
            var frames = machine.LastModel!.Frames.Take((int)expected.Count).Select(Kept).ToArray();

            // Again from the caches.
            for (var round = 0; round < 2; round++)
            {
                var (walked, trail) = machine.Keep(process, registers);
                Assert.Equal((seed, expected), (seed, walked));
                Assert.Equal(frames, trail.Head);
                Assert.Equal((0, 0), (trail.Omitted, trail.Tail.Length));
            }
        }
    }

    public static TheoryData<int, int> Recursions => new()
    {
        { 1, 3 }, { 1, 10_000 }, { 2, 10_001 }, { 3, 10_000 }, { 7, 9_999 }, { KeptLayout.LongestPeriod, 20_000 },
    };

    [Theory]
    [MemberData(nameof(Recursions))]
    public void Frames_that_repeat_take_no_room(int period, int count)
    {
        var (machine, process, registers, frames) = Chain([.. Enumerable.Range(0, count).Select(frame => frame % period)]);

        var (walked, trail) = machine.Keep(process, registers);

        Assert.Equal(new(frames.Length, StackReason.None), walked);
        Assert.Equal(frames, trail.Head);
        Assert.Equal(0, trail.Omitted);
    }

    [Theory]
    [InlineData(Entries - 1)]
    [InlineData(Entries)]
    [InlineData(Entries + 1)]
    [InlineData(Entries + 2000)]
    [InlineData(15_000)]
    public void Of_a_stack_that_does_not_repeat_itself_the_innermost_frames_are_kept_and_the_outermost(int count)
    {
        // No two frames within the longest period are the same.
        var (machine, process, registers, frames) = Chain([.. Enumerable.Range(0, count - 1).Select(frame => frame % (KeptLayout.LongestPeriod + 1))]);

        var (walked, trail) = machine.Keep(process, registers);

        Assert.Equal(new(count, StackReason.None), walked);
        Assert.Equal(frames[..trail.Head.Length], trail.Head);
        Assert.Equal(frames[^trail.Tail.Length..], trail.Tail);
        Assert.Equal(int.Max(0, count - Entries), trail.Omitted);
        Assert.Equal(count, trail.Head.Length + trail.Omitted + trail.Tail.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Recursion_that_is_irregular_is_kept_as_it_was(int seed)
    {
        var random = new Random(seed);
        List<int> functions = [];
        while (functions.Count < 60_000)
        {
            // Single frames, and groups that repeat.
            int[] group = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(24))];
            for (var repeats = random.Next(3) == 0 ? random.Next(1, 60) : 1; repeats > 0; repeats--)
                functions.AddRange(group);
        }
        var (machine, process, registers, frames) = Chain([.. functions]);

        var (walked, trail) = machine.Keep(process, registers);

        Assert.Equal(new(frames.Length, StackReason.None), walked);
        Assert.Equal(frames[..trail.Head.Length], trail.Head);
        Assert.Equal(frames[^trail.Tail.Length..], trail.Tail);
        Assert.Equal(frames.Length, trail.Head.Length + trail.Omitted + trail.Tail.Length);
        Assert.True(trail.Omitted > 0 && trail.Tail.Length > 0, $"{trail.Omitted} left out, {trail.Tail.Length} behind them");
    }

    /// <summary>A chain of frame pointers: at each function the return address lies at its own place in the code.</summary>
    private static (WalkMachine Machine, SimulatedProcess Process, Registers Registers, ulong[] Frames) Chain(int[] functions)
    {
        var machine = new WalkMachine(StackWalk.Auto, 1_000_000, keep: true);
        machine.Add(WalkCases.Text(plain: true));
        var (process, registers) = WalkCases.Chain(machine, functions.Length + 1);
        var frames = new ulong[functions.Length + 1];
        frames[0] = registers.Ip;
        for (var frame = 1; frame < functions.Length; frame++)
        {
            frames[frame] = WalkCases.Code + 0x20 + (ulong)functions[frame];
            process.Memory.Write(WalkCases.Stack + (ulong)((frame - 1) * 16) + 8, frames[frame]);
        }
        frames[^1] = WalkCases.Code + WalkCases.Outermost + 1;
        return (machine, process, registers, frames);
    }

    // What cannot be an address of user space is kept as none.
    private static ulong Kept(ulong address) => (long)address < 0 ? ulong.MaxValue : address;
}
