using StackDepth.Compile.Lowering.Walks;
using StackDepth.Core.Tests.Compile;

namespace StackDepth.Core.Tests.Walks;

/// <summary>How many frames a walk counts, and how long it goes on.</summary>
public sealed class WalkLimitTests
{
    public static TheoryData<StackWalk, int, bool> Limits
    {
        get
        {
            var limits = new TheoryData<StackWalk, int, bool>();
            foreach (var walk in (StackWalk[])[StackWalk.Auto, StackWalk.FramePointer, StackWalk.Unwind])
            {
                foreach (var limit in (int[])[1, 2, 3, 6, 7, 8, 9, 15, 300])
                {
                    limits.Add(walk, limit, true);
                    limits.Add(walk, limit, false);
                }
            }
            return limits;
        }
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public void A_stack_as_deep_as_the_limit_is_complete_and_one_frame_more_is_truncated(StackWalk walk, int limit, bool plain)
    {
        var machine = new WalkMachine(walk, limit);
        machine.Add(WalkCases.Text(plain));
        foreach (var frames in Enumerable.Range(int.Max(1, limit - 20), 40))
        {
            // Also with the stack's first frames at the end of a page.
            foreach (var sp in (ulong[])[WalkCases.Stack, WalkCases.Stack + 4096 - 16, WalkCases.Stack + 4096 - 8])
            {
                var (process, registers) = WalkCases.Chain(machine, frames, sp);
                var expected = frames <= limit ? new Walked(frames, StackReason.None) : new Walked(limit, StackReason.FrameLimit);

                Assert.Equal((frames, sp, expected), (frames, sp, machine.Walk(process, registers)));
                Assert.Equal((frames, sp, expected), (frames, sp, machine.Walk(process, registers)));
            }
        }
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void A_kernel_that_is_busy_is_asked_again_and_not_for_ever(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 10);
        machine.Add(WalkCases.Text(plain: false));
        foreach (var (tries, frames, expected) in ((int, int, Walked)[])
        [
            (1, 5, new(5, StackReason.None)), (MappingStep.MostBusyTries, 10, new(10, StackReason.None)), (MappingStep.MostBusyTries, 11, new(10, StackReason.FrameLimit)),
            (MappingStep.MostBusyTries + 1, 5, new(1, StackReason.MappingBusy)), (int.MaxValue, 1, new(1, StackReason.MappingBusy)),
        ])
        {
            var (process, registers) = WalkCases.Chain(machine, frames);
            process.BusyTries = tries;

            Assert.Equal((tries, expected), (tries, machine.Walk(process, registers)));
        }
    }

    [Fact]
    public void Signals_that_interrupt_each_other_in_a_circle_end_the_walk()
    {
        var machine = new WalkMachine(StackWalk.Unwind, 20_000);
        machine.Add(WalkCases.Text(plain: false));
        var process = machine.NewProcess();
        process.Mappings = [WalkCases.Mapping];
        var registers = new Registers(WalkCases.Code + WalkCases.SignalReturn, WalkCases.Stack, WalkCases.Stack, 0, 0, 0);
        SignalFrame.Write(process.Memory, WalkCases.Stack, registers);

        Assert.Equal(new(16_385, StackReason.SignalLimit), machine.Walk(process, registers));
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void Frame_pointers_that_do_not_ascend_end_the_walk(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 1000);
        machine.Add(WalkCases.Text(plain: true));
        foreach (var (saved, expected) in ((ulong, Walked)[])
        [
            (WalkCases.Stack, new(3, StackReason.Corrupt)), (WalkCases.Stack + 0x20, new(4, StackReason.Corrupt)), (WalkCases.Stack + 0x24, new(3, StackReason.Corrupt)),
            (0, new(3, StackReason.Corrupt)), (ulong.MaxValue, new(3, StackReason.Corrupt)), (ulong.MaxValue - 15, new(3, StackReason.Corrupt)), (0x7fff_ffff_fff0, new(3, StackReason.ReadFailed)),
        ])
        {
            var (process, registers) = WalkCases.Chain(machine, 50);
            process.Memory.Write(WalkCases.Stack + 0x10, saved);
            if (saved == WalkCases.Stack + 0x20)
                process.Memory.Write(WalkCases.Stack + 0x20, WalkCases.Stack);

            Assert.Equal((saved, expected), (saved, machine.Walk(process, registers)));
        }
    }
}
