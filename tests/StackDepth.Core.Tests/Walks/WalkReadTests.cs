using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>What a walk reads of the process's memory.</summary>
public sealed class WalkReadTests
{
    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void No_read_goes_past_its_page_and_none_fails_where_the_stack_is_there(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 1000);
        machine.Add(WalkCases.Text(plain: true));
        for (var frames = 2; frames < 30; frames++)
        {
            // The stack ends where its page does: what comes behind it is not there.
            var sp = WalkCases.Stack + (ulong)UserMemory.PageBytes - (ulong)((frames - 1) * 16);
            var (process, registers) = WalkCases.Chain(machine, frames, sp);
            Assert.Equal(new(frames, StackReason.None), machine.Walk(process, registers));
            Assert.NotEmpty(process.Memory.Reads);
            Assert.All(process.Memory.Reads, static read => Assert.True(read.Done && read.Address / 4096 == (read.Address + (ulong)read.Size - 1) / 4096, read.ToString()));
        }
    }

    [Fact]
    public void A_stack_of_many_pages_is_read_once_page_by_page()
    {
        var machine = new WalkMachine(StackWalk.Auto, 10_000);
        machine.Add(WalkCases.Text(plain: true));
        var (process, registers) = WalkCases.Chain(machine, 2000, WalkCases.Stack + 8);

        Assert.Equal(new(2000, StackReason.None), machine.Walk(process, registers));
        // 512 bytes at first, the rest of that page, seven pages, and two for each frame that straddles two: one for the word before, one behind.
        Assert.InRange(process.Memory.Reads.Count, 9, 25);
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void A_page_that_is_not_there_breaks_the_stack_at_its_first_frame(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 1000);
        machine.Add(WalkCases.Text(plain: true));
        foreach (var shift in (ulong[])[0, 8])
        {
            var (process, registers) = WalkCases.Chain(machine, 400, WalkCases.Stack + 2048 + shift);
            process.Memory.Unmap(WalkCases.Stack + 4096);

            // 128 frames lie below the page; shifted, the last of them has its return address in it.
            Assert.Equal(new(shift == 0 ? 129 : 128, StackReason.ReadFailed), machine.Walk(process, registers));
        }
    }

    [Fact]
    public void An_address_that_is_not_aligned_is_corrupt_wherever_it_points()
    {
        var machine = new WalkMachine(StackWalk.Unwind, 100);
        machine.Add(WalkCases.Text(plain: false, CfaKind.AtBasePointer));
        var (other, registers) = WalkCases.Chain(machine, 30);
        Assert.Equal(new(30, StackReason.None), machine.Walk(other, registers));
        foreach (var bp in (ulong[])[ulong.MaxValue, WalkCases.Stack + 4, 1, 7])
        {
            var (process, start) = WalkCases.Chain(machine, 30);

            // The first read, of which the block that the walk before left over must know nothing.
            Assert.Equal((bp, new(1, StackReason.Corrupt)), (bp, machine.Walk(process, start with { Ip = WalkCases.Code + WalkCases.Frameless, Bp = bp })));
        }
    }
}
