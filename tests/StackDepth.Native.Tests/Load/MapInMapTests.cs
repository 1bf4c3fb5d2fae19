using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Load;

public sealed unsafe class MapInMapTests
{
    private static readonly MapSpec s_outer = new("outer", MapType.ArrayOfMaps, 4, 4, 8, Inner: new("inner", MapType.Array, 4, 8, 3));
    private static readonly MapSpec s_input = new("input", MapType.Array, 4, 4, 2);

    /// <summary>Returns the low half of inner value input[1] of the map in slot input[0], or a mark for what is missing.</summary>
    private static readonly ProgramSpec s_reader = TestRun.Program("read_inner", static code =>
    {
        var end = code.CreateLabel("end");
        Lookup(code, "input", static code => code.Store(MemorySize.W, R10, -4, 0), end, 0xdead);
        code.Load(MemorySize.W, R6, R0, 0);
        Lookup(code, "input", static code => code.Store(MemorySize.W, R10, -4, 1), end, 0xdead);
        code.Load(MemorySize.W, R7, R0, 0);
        Lookup(code, "outer", static code => code.Store(MemorySize.W, R10, -4, R6), end, 404);
        code.Store(MemorySize.W, R10, -4, R7);
        code.Mov(R1, R0);
        code.Mov(R2, R10);
        code.Add(R2, -4);
        code.Call(HelperId.MapLookupElem);
        var found = code.CreateLabel("found");
        code.JumpIf(JumpOp.JNE, R0, 0, found);
        code.Mov(R0, 405);
        code.Exit();
        code.Place(found);
        code.Load(MemorySize.W, R0, R0, 0);
        code.Place(end);
        code.Exit();
    });

    private static void Lookup(Assembler code, string map, Action<Assembler> key, Label end, int missing)
    {
        var found = code.CreateLabel("found");
        key(code);
        code.LoadMap(R1, map);
        code.Mov(R2, R10);
        code.Add(R2, -4);
        code.Call(HelperId.MapLookupElem);
        code.JumpIf(JumpOp.JNE, R0, 0, found);
        code.Mov(R0, missing);
        code.Jump(end);
        code.Place(found);
    }

    private static uint Read(BpfProgram program, BpfMap input, uint slot, uint index)
    {
        input.Write(0, slot);
        input.Write(1, index);
        return TestRun.Run(program);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_program_reads_a_word_through_the_outer_and_the_inner_map(bool batch)
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls { OnBpf = (command, _, _) => !batch && command == BpfCommand.MapUpdateBatch ? -(long)Errno.ENOTSUPP : null };
        using var outer = BpfMap.Create(s_outer, sys);
        using var input = BpfMap.Create(s_input, SystemCalls.Real);
        using var program = BpfProgram.Load(s_reader, new Dictionary<string, BpfMap> { ["outer"] = outer, ["input"] = input }, sys);
        Assert.Equal(404u, Read(program, input, 2, 1));

        using (BpfMap first = outer.CreateInner(), second = outer.CreateInner())
        {
            first.Write(1, 7001UL);
            second.Write(1, 7002UL);
            outer.SetInner(2, first, second);
            Assert.Equal(7001u, Read(program, input, 2, 1));
            Assert.Equal(7002u, Read(program, input, 3, 1));
            Assert.Equal(0u, Read(program, input, 3, 2));
            Assert.Equal(405u, Read(program, input, 3, 3));
            Assert.Equal(404u, Read(program, input, 4, 1));
            second.Write(2, 7003UL);
        }

        // The slots keep the maps alive.
        Assert.Equal(7001u, Read(program, input, 2, 1));
        Assert.Equal(7003u, Read(program, input, 3, 2));
        Assert.Equal(batch ? 3 : 3 + 2, sys.Calls(BpfCommand.MapUpdateElem));
    }

    [Fact]
    public void Many_entries_are_written_by_one_call_or_one_by_one()
    {
        Requires.Bpf();
        foreach (var batch in (bool[])[true, false])
        {
            var sys = new FaultySystemCalls { OnBpf = (command, _, _) => !batch && command == BpfCommand.MapUpdateBatch ? -(long)Errno.EINVAL : null };
            using var map = BpfMap.Create(new("many", MapType.Array, 4, 8, 1000), sys);
            uint[] keys = [.. Enumerable.Range(100, 500).Select(static i => (uint)i)];
            ulong[] values = [.. keys.Select(static key => key * 3UL)];
            map.UpdateAll(MemoryMarshal.AsBytes(keys.AsSpan()), MemoryMarshal.AsBytes(values.AsSpan()));
            Assert.All(keys, key => Assert.Equal(key * 3UL, map.ReadUInt64(key)));
            Assert.Equal(0UL, map.ReadUInt64(99));
            Assert.Equal(batch ? 0 : 500, sys.Calls(BpfCommand.MapUpdateElem));
            Assert.Throws<KernelException>(() => map.UpdateAll(MemoryMarshal.AsBytes<uint>([5, 1000]), new byte[16]));
            Assert.Throws<ArgumentException>(() => map.UpdateAll(new byte[8], new byte[8]));
        }
    }

    [Fact]
    public void A_map_that_is_not_like_the_template_does_not_fit_a_slot()
    {
        Requires.Bpf();
        using var outer = BpfMap.Create(s_outer, SystemCalls.Real);
        using var other = BpfMap.Create(new("other", MapType.Array, 4, 16, 3), SystemCalls.Real);
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => outer.SetInner(0, other)).Errno);
        using var inner = outer.CreateInner();
        Assert.Equal(Errno.E2BIG, Assert.Throws<KernelException>(() => outer.SetInner(8, inner)).Errno);
        Assert.Throws<InvalidOperationException>(() => inner.SetInner(0, other));
    }

    [Fact]
    public void Specs_that_make_no_map_of_maps_are_refused()
    {
        Assert.Throws<ArgumentException>(() => BpfMap.Create(s_outer with { Inner = null }, SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(s_outer with { ValueSize = 8 }, SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(s_outer with { Inner = s_outer }, SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(s_input with { Inner = s_outer.Inner }, SystemCalls.Real));
        Assert.Equal(s_outer, s_outer with { Inner = s_outer.Inner! with { } });
    }
}

[Collection(FdLeakCheck.Alone)]
public sealed unsafe class MapInMapOwnershipTests
{
    [Fact]
    public void The_template_of_the_inner_maps_is_closed()
    {
        Requires.Bpf();
        using var check = new FdLeakCheck();
        var spec = new MapSpec("outer", MapType.ArrayOfMaps, 4, 4, 8, Inner: new("inner", MapType.Array, 4, 8, 3));
        BpfMap.Create(spec, SystemCalls.Real).Dispose();

        // And where the kernel takes the template and refuses the outer map.
        Assert.Throws<KernelException>(() => BpfMap.Create(spec, new FaultySystemCalls
        {
            OnBpf = static (command, call, _) => command == BpfCommand.MapCreate && call == 2 ? -(long)Errno.ENOMEM : null,
        }));
    }
}
