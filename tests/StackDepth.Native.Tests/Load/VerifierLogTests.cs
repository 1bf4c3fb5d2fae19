using StackDepth.Native.Load;

namespace StackDepth.Native.Tests.Load;

public sealed class VerifierLogTests
{
    [Theory]
    [InlineData("0: R1=ctx()\n0: (b7) r0 = 0\n5: (bf) r3 = r7\nR7 !read_ok\nprocessed 3 insns (limit 1000000)\n", 5, "R7 !read_ok")]
    [InlineData("unreachable insn 12\nprocessed 0 insns (limit 1000000) max_states_per_insn 0\n", 12, "unreachable insn 12")]
    [InlineData("jump out of range from insn 3 to 99\n", 3, "jump out of range from insn 3 to 99")]
    [InlineData("back-edge from insn 7 to 2\nprocessed 0 insns", 7, "back-edge from insn 7 to 2")]
    [InlineData("BPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns", null, "BPF program is too large. Processed 1000001 insn")]
    [InlineData("", null, "")]
    [InlineData("\n\n\n", null, "")]
    [InlineData("99999999999: (b7) r0 = 0", null, "99999999999: (b7) r0 = 0")]
    [InlineData("no newline", null, "no newline")]
    public void The_slot_and_the_reason_are_read(string log, int? slot, string summary)
    {
        Assert.Equal(slot, VerifierLog.FailingSlot(log));
        Assert.Equal(summary, VerifierLog.Summary(log));
    }

    [Fact]
    public void The_tail_is_the_last_lines()
    {
        Assert.Equal("c\nd", VerifierLog.Tail("a\nb\nc\nd\n", 2));
        Assert.Equal("a\nb", VerifierLog.Tail("a\nb", 9));
        Assert.Equal("", VerifierLog.Tail("", 3));
    }
}
