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

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void No_read_goes_past_where_the_first_threads_stack_begins(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 1000);
        machine.Add(WalkCases.Text(plain: true));
        foreach (var frames in (int[])[2, 3, 29, 258, 900])
        {
            // Nothing is mapped behind the last frame, and where the stack begins need not be aligned.
            foreach (var (above, most) in ((uint, int)[])[(0, 1), (7, 1)])
            {
                var top = WalkCases.Stack + 0x4000;
                var (process, registers) = WalkCases.Chain(machine, frames, top - (ulong)((frames - 1) * 16));
                process.StackStart = top + above;
                Assert.Equal(new(frames, StackReason.None), machine.Walk(process, registers));
                Assert.Equal(most, process.Memory.Reads.Count);
                Assert.All(process.Memory.Reads, read => Assert.True(read.Done && read.Address + (ulong)read.Size <= top, read.ToString()));
            }
        }
    }

    [Theory]
    [InlineData(0L, 4096)]
    [InlineData(-8L, 4096)]
    [InlineData(7L, 4096)]
    [InlineData(8L, 8)]
    [InlineData(23L, 16)]
    [InlineData(4104L, 4104)]
    [InlineData(16383L, 16376)]
    [InlineData(16384L, 16384)]
    [InlineData(20000L, 16384)]
    [InlineData(128L << 20, 16384)]
    [InlineData((128L << 20) + 1, 4096)]
    [InlineData(long.MaxValue, 4096)]
    public void How_much_is_read_at_once_goes_by_how_far_below_the_stacks_start_it_is(long below, int size)
    {
        var machine = new WalkMachine(StackWalk.Auto, 10_000);
        machine.Add(WalkCases.Text(plain: true));
        var (process, registers) = WalkCases.Chain(machine, 2000);
        process.StackStart = WalkCases.Stack + (ulong)below;

        Assert.Equal(new(2000, StackReason.None), machine.Walk(process, registers));
        Assert.Equal((WalkCases.Stack, size, true), process.Memory.Reads[0]);
    }

    [Fact]
    public void A_stack_of_many_pages_is_read_once()
    {
        var machine = new WalkMachine(StackWalk.Auto, 10_000);
        machine.Add(WalkCases.Text(plain: true));
        var (process, registers) = WalkCases.Chain(machine, 2000, WalkCases.Stack + 8);

        // Page by page, the first from its second word on.
        Assert.Equal(new(2000, StackReason.None), machine.Walk(process, registers));
        Assert.Equal([(WalkCases.Stack + 8, 4088, true), .. Enumerable.Range(1, 7).Select(static page => (WalkCases.Stack + ((ulong)page * 4096), 4096, true))], process.Memory.Reads);

        // In two blocks on the first thread's stack.
        process.StackStart = WalkCases.Stack + 0x8000;
        Assert.Equal(new(2000, StackReason.None), machine.Walk(process, registers));
        Assert.Equal([(WalkCases.Stack + 8, 16384, true), (WalkCases.Stack + 8 + 16384, 16376, true)], process.Memory.Reads);
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    [InlineData(StackWalk.Unwind)]
    public void Frames_around_a_local_that_was_never_touched_are_found_on_every_stack(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 1000);
        machine.Add(WalkCases.Text(plain: true));
        foreach (var isFirst in (bool[])[true, false])
        {
            // Ten frames, a frame with the local, whose pages are missing, and twenty more behind it.
            var (process, registers) = WalkCases.Chain(machine, 20, WalkCases.Stack + 0x3000);
            for (var frame = 0UL; frame < 10; frame++)
            {
                process.Memory.Write(WalkCases.Stack + (frame * 16), WalkCases.Stack + (frame == 9 ? 0x3000 : (frame + 1) * 16));
                process.Memory.Write(WalkCases.Stack + (frame * 16) + 8, WalkCases.Code + WalkCases.Plain + 1);
            }
            if (isFirst)
                process.StackStart = WalkCases.Stack + 0x4000;
            var start = registers with { Sp = WalkCases.Stack, Bp = WalkCases.Stack };

            Assert.Equal((isFirst, new(30, StackReason.None)), (isFirst, machine.Walk(process, start)));
            (ulong, int, bool)[] pages = [(WalkCases.Stack, 4096, true), (WalkCases.Stack + 0x3000, 4096, true)];
            Assert.Equal(isFirst ? [(WalkCases.Stack, 16384, false), .. pages] : pages, process.Memory.Reads);
        }
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
            foreach (var start in (ulong[])[0, WalkCases.Stack + 0x4000])
            {
                process.StackStart = start;
                Assert.Equal(new(shift == 0 ? 129 : 128, StackReason.ReadFailed), machine.Walk(process, registers));
                // The block and the page of what is there, the block and the page of what is not.
                Assert.Equal(start == 0 ? [true, false] : [false, true, false, false], process.Memory.Reads.Select(static read => read.Done));
            }
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
