using StackDepth.Core.Tests.Compile;
using static StackDepth.Core.Tests.Walks.LaidOutStack;

namespace StackDepth.Core.Tests.Walks;

/// <summary>Code that counts its CFA from rbx, in frames that have called: the walk begins anew to follow it.</summary>
public sealed class WalkBxTests
{
    private const ulong Trampoline = 0x7fff_ffff_e000;

    public static TheoryData<StackWalk> Walks => [StackWalk.Auto, StackWalk.Unwind];

    public static TheoryData<StackWalk, ulong[]> Stacks
    {
        get
        {
            var stacks = new TheoryData<StackWalk, ulong[]>();
            foreach (var stack in (ulong[][])
            [
                [Plain, FromBx, Outermost],
                [SavesBx, FromBx, Plain, Outermost],
                [SavesBx, Plain, Plain, FromBx, Plain, Plain, Outermost],
                [Plain, SavesBx, Plain, SavesBx, FromBx, FromBx, Plain, SavesBx, Plain, FromBx, Outermost],
                [LosesBx, SavesBx, FromBx, Outermost],
                [FromBx, FromBx, LosesBx, Plain, Outermost],
                [Plain, SignalReturn, Plain, FromBx, Outermost],
                [SavesBx, SignalReturn, FromBx, SavesBx, Plain, FromBx, Outermost],
                // What the signal interrupted has another r10 than the probed function, which is walked twice.
                [FromR10, Plain, SignalReturn, Plain, FromBx, Outermost],
            ])
            {
                stacks.Add(StackWalk.Auto, stack);
                stacks.Add(StackWalk.Unwind, stack);
            }
            return stacks;
        }
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public void Rbx_is_found_where_the_frames_saved_it(StackWalk walk, ulong[] functions)
    {
        var machine = Machine(walk);
        var (process, registers) = Build(machine, functions);
        Assert.Equal(new(functions.Length, StackReason.None), machine.Model(process, registers));
        Assert.Equal(new(functions.Length, StackReason.None), machine.Walk(process, registers));
        Assert.Equal(new(functions.Length, StackReason.None), machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_walk_that_begins_anew_finds_the_hijacked_returns_anew(StackWalk walk)
    {
        var machine = Machine(walk);
        var (process, registers) = Build(machine, Plain, SavesBx, Plain, FromBx, Plain, Outermost);
        process.Hijack(Trampoline, Hijack(process, Trampoline, 0, 2, 3));

        Assert.Equal(new(6, StackReason.None), machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Where_rbx_is_lost_the_stack_is_broken(StackWalk walk)
    {
        var machine = Machine(walk);
        var (process, registers) = Build(machine, SavesBx, LosesBx, Plain, FromBx, Outermost);

        Assert.Equal(new(4, StackReason.Corrupt), machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_page_that_is_missing_matters_to_a_stack_only_that_needs_rbx(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 100);
        // rbx is said to be saved two pages away from the frame.
        machine.Add(Text with { Rows = [(0, CodeFile.FramePointer), ((uint)SavesBx, new(16, -2, Native.Unwind.CfaKind.BasePointer, Native.Unwind.BasePointerKind.AtCfa, -128)), .. Text.Rows.Skip(2)] });
        var (needs, start) = Build(machine, Plain, SavesBx, Plain, FromBx, Outermost);
        Assert.Equal(new(2, StackReason.ReadFailed), machine.Walk(needs, start));
        var (other, registers) = Build(machine, Plain, SavesBx, Plain, Plain, Outermost);
        Assert.Equal(new(5, StackReason.None), machine.Walk(other, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_walk_that_follows_rbx_keeps_to_the_limit_of_frames(StackWalk walk)
    {
        foreach (var limit in Enumerable.Range(1, 9))
        {
            var machine = Machine(walk, limit);
            var (process, registers) = Build(machine, SavesBx, Plain, FromBx, Plain, Plain, FromBx, Outermost);
            var expected = limit < 7 ? new Walked(limit, StackReason.FrameLimit) : new(7, StackReason.None);

            Assert.Equal((limit, expected), (limit, machine.Walk(process, registers)));
        }
    }

    [Fact]
    public void The_walk_by_frame_pointers_guesses_past_code_that_counts_from_rbx()
    {
        var machine = Machine(StackWalk.FramePointer);
        var (process, registers) = Build(machine, SavesBx, Plain, FromBx, Plain, Outermost);

        Assert.Equal(new(5, StackReason.FramePointerStep), machine.Walk(process, registers));
    }

    private static WalkMachine Machine(StackWalk walk, int maxFrames = 100)
    {
        var machine = new WalkMachine(walk, maxFrames);
        machine.Add(Text);
        return machine;
    }
}
