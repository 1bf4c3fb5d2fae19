using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Interpreter;
using static StackDepth.Core.Tests.Walks.LaidOutStack;

namespace StackDepth.Core.Tests.Walks;

/// <summary>Return addresses that uretprobes took the place of, and the kernel's list of them.</summary>
public sealed class WalkHijackTests
{
    private const ulong Trampoline = 0x7fff_ffff_e000;
    private const int MostEntries = 64; // MAX_URETPROBE_DEPTH
    private static readonly ulong[] _functions = [Plain, Plain, Plain, SavesBx, Plain, Outermost];
    private static readonly Walked _complete = new(6, StackReason.None);

    public static TheoryData<StackWalk> Walks => [StackWalk.Auto, StackWalk.FramePointer, StackWalk.Unwind];

    [Theory]
    [MemberData(nameof(Walks))]
    public void Every_frame_may_be_hijacked(StackWalk walk)
    {
        for (var set = 1; set < 32; set++)
        {
            var (machine, process, registers) = Machine(walk);
            process.Hijack(Trampoline, Hijack(process, Trampoline, [.. Enumerable.Range(0, 5).Where(frame => (set & (1 << frame)) != 0)]));
            Assert.Equal((set, _complete), (set, machine.Walk(process, registers)));
        }
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_tail_call_adds_an_entry_for_the_same_slot(StackWalk walk)
    {
        var (machine, process, registers) = Machine(walk);
        var returns = Hijack(process, Trampoline, 0, 2, 4);
        process.Hijack(Trampoline, [returns[0], returns[0], returns[0], returns[1], returns[1], returns[2]]);

        Assert.Equal(_complete, machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Entries_of_calls_that_a_longjmp_went_past_are_no_frames(StackWalk walk)
    {
        var (machine, process, registers) = Machine(walk);
        var returns = Hijack(process, Trampoline, 1, 3);
        var outermost = WalkCases.Code + Outermost + 1;
        process.Hijack(
            Trampoline,
            [new(WalkCases.Stack - 0x500, outermost), returns[0], new(Slot(0), outermost), new(Slot(1) + 8, outermost), new(0, outermost), returns[1], new(Slot(2), outermost)]);

        Assert.Equal(_complete, machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Entries_of_another_stack_above_are_no_frames_of_this_one(StackWalk walk)
    {
        var (machine, process, registers) = Machine(walk);
        var returns = Hijack(process, Trampoline, 1, 3);
        process.Hijack(Trampoline, [new(Slot(1) + 0x10_0000, WalkCases.Code + Outermost + 1), .. returns]);

        Assert.Equal(_complete, machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_slot_that_the_list_does_not_have_breaks_the_stack(StackWalk walk)
    {
        var (machine, process, registers) = Machine(walk);
        var returns = Hijack(process, Trampoline, 0, 2, 4);
        process.Hijack(Trampoline, [returns[0], returns[2]]);

        Assert.Equal(new(3, StackReason.ReadFailed), machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void As_many_entries_are_looked_at_as_the_kernel_makes(StackWalk walk)
    {
        foreach (var stale in (int[])[MostEntries - 1, MostEntries])
        {
            var (machine, process, registers) = Machine(walk);
            var entry = new HijackedReturn(WalkCases.Stack - 64, 0);
            process.Hijack(Trampoline, [.. Enumerable.Repeat(entry, stale), .. Hijack(process, Trampoline, 1)]);

            Assert.Equal((stale, stale < MostEntries ? _complete : new(2, StackReason.ReadFailed)), (stale, machine.Walk(process, registers)));
        }
    }

    private static (WalkMachine Machine, SimulatedProcess Process, Registers Registers) Machine(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 100);
        machine.Add(Text);
        var (process, registers) = Build(machine, _functions);
        return (machine, process, registers);
    }
}
