using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Core.Tests.Compile;

/// <summary>The contract of <c>Length</c>: one capture a hit, count first, and each use one load of the stored count.</summary>
public sealed class LengthTests
{
    private const int FrameBytes = 127 * 8;

    [Fact]
    public void Length_is_one_load_of_the_count_that_the_capture_stored()
    {
        var program = Compile(GoldenQueries.Source.Select(s => s.UStack.Length).Sum().Query);

        var store = Assert.Single(program, static i => i.Comment!.EndsWith("frame count = bytes / 8", StringComparison.Ordinal));
        Assert.Equal((Opcode.BPF_STX | Opcode.BPF_MEM | Opcode.BPF_DW, Register.R8, 0), (store.Code, store.Dst, store.Offset));
        var load = Assert.Single(program.Skip(program.IndexOf(store) + 1), static i => IsLoad(i) && i.Src == Register.R8 && !i.Comment!.StartsWith("capture", StringComparison.Ordinal));
        Assert.Equal((Opcode.BPF_LDX | Opcode.BPF_MEM | Opcode.BPF_DW, 0), (load.Code, load.Offset));
        // And the very next instruction uses it.
        Assert.Equal("lock *(u64 *)(r7 +272) += r1 ; aggregate sum of ustack.length", program[program.IndexOf(load) + 1].ToString());
    }

    [Fact]
    public void Each_use_is_one_load_and_the_stack_is_walked_once_however_often_it_is_mentioned()
    {
        var program = Compile(GoldenQueries.Source
            .Where(s => s.UStack.Length > 3 & s.UStack.Length < 100)
            .Where(s => !s.UStack.IsTruncated)
            .Select(s => (s.UStack.Length, s.UStack.Length, s.UStack.IsTruncated)).Query);

        Assert.Single(program, static i => IsCall(i, HelperId.GetStack));
        Assert.Single(program, static i => i.Comment!.Contains("frame count", StringComparison.Ordinal));
        Assert.Equal(4, program.Count(static i => IsLoad(i) && i.Src == Register.R8 && i.Offset == StackHeader.Count));
        Assert.Equal(2, program.Count(static i => IsLoad(i) && i.Src == Register.R8 && i.Offset == StackHeader.Completeness && !i.Comment!.StartsWith("capture", StringComparison.Ordinal)));
    }

    [Fact]
    public void Two_stacks_have_their_counts_each_before_its_own_frames()
    {
        var program = Compile(GoldenQueries.Source.Select(s => (s.KStack.Length, s.UStack.Length)).Query);

        var stores = program.Where(static i => i.Comment!.Contains("frame count", StringComparison.Ordinal)).Select(static i => (int)i.Offset).ToArray();
        Assert.Equal([0, StackHeader.Bytes + FrameBytes], stores);
        Assert.Single(program, static i => IsCall(i, HelperId.GetStack));
        Assert.Single(program, static i => IsCall(i, HelperId.GetTaskStack));
    }

    [Fact]
    public void Nothing_is_walked_and_no_scratch_is_made_for_a_query_that_mentions_no_stack()
    {
        var compiled = ProbeCompiler.Compile(GoldenQueries.Source.Where(s => s.Pid == 3).GroupBy(s => s.Comm).Count().Query, GoldenQueries.Target);

        Assert.DoesNotContain(compiled.Program.Instructions, static i => IsCall(i, HelperId.GetStack));
        Assert.DoesNotContain(compiled.Maps, static map => map.Name == MapNames.Scratch);
    }

    [Fact]
    public void The_buffer_is_as_large_as_the_kernel_can_fill_and_scratch_fits_a_per_cpu_value()
    {
        var compiled = ProbeCompiler.Compile(GoldenQueries.Source.Select(s => (s.KStack.Length, s.UStack.Length)).Query, GoldenQueries.Target);

        Assert.All(SizesOfBuffers(compiled.Program.Instructions), static size => Assert.Equal(FrameBytes, size));
        Assert.Equal(8 + (4 * 2 * (StackHeader.Bytes + FrameBytes)), compiled.Maps.Single(static map => map.Name == MapNames.Scratch).ValueSize);
    }

    private static IEnumerable<long> SizesOfBuffers(ImmutableArray<Instruction> program) =>
        program.Where(static i => i.Code == (Opcode.BPF_ALU64 | Opcode.BPF_MOV) && i.Dst == Register.R3 && i.Comment!.StartsWith("capture", StringComparison.Ordinal) && i.Immediate != 1).Select(static i => i.Immediate);

    private static ImmutableArray<Instruction> Compile(IrQuery query) => ProbeCompiler.Compile(query, GoldenQueries.Target).Program.Instructions;

    private static bool IsLoad(Instruction i) => Opcode.Class(i.Code) == Opcode.BPF_LDX;

    private static bool IsCall(Instruction i, HelperId helper) => i.Code == Opcode.CallCode && i.Immediate == (int)helper;
}
