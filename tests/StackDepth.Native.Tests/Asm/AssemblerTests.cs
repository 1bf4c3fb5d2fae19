using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Asm;

public sealed class AssemblerTests
{
    [Fact]
    public void Jumps_count_slots_and_not_instructions()
    {
        var a = new Assembler();
        var end = a.CreateLabel("end");
        var top = a.CreateLabel("top");
        a.Mov(R0, 0);
        a.Place(top);
        a.JumpIf(JumpOp.JEQ, R0, 0, end);
        a.LoadImmediate64(R1, 1);
        a.LoadMap(R1, "events");
        a.Jump(top);
        a.Place(end);
        a.Exit();

        var code = a.Assemble().Instructions;

        Assert.Equal(5, code[1].Offset);
        Assert.Equal(-6, code[4].Offset);
    }

    [Fact]
    public void Calls_and_function_pointers_hold_the_distance_from_the_slot_after_their_first()
    {
        var a = new Assembler();
        var walk = a.CreateLabel("walk");
        var callback = a.CreateLabel("callback");
        a.LoadFunction(R2, callback);
        a.Call(walk);
        a.CallKfunc(4711, 3);
        a.Exit();
        a.BeginFunction(callback, "step");
        a.Mov(R0, 0);
        a.Exit();
        a.BeginFunction(walk, "walk");
        a.LoadFunction(R2, callback);
        a.Exit();

        var (code, functions) = a.Assemble();

        Assert.Equal([new FunctionInfo("main", 0), new FunctionInfo("step", 5), new FunctionInfo("walk", 7)], functions);
        var bytes = Convert.ToHexString(InstructionEncoder.Encode(code.AsSpan()));
        Assert.Equal("18420000040000000000000000000000" + "8510000004000000" + "8520030067120000" + "9500000000000000" + "B700000000000000" + "9500000000000000"
            + "18420000FDFFFFFF0000000000000000" + "9500000000000000", bytes);
    }

    [Fact]
    public void Origins_and_notes_become_comments()
    {
        var a = new Assembler { Origin = "len(ustack)" };
        a.Mov(R0, 0);
        a.Note("count first");
        a.Origin = null;
        a.Exit();
        a.Note("done");

        var code = a.Assemble().Instructions;

        Assert.Equal("len(ustack), count first", code[0].Comment);
        Assert.Equal("done", code[1].Comment);
        Assert.Equal(2, a.Count);
    }

    [Fact]
    public void All_errors_are_reported_together_in_the_order_of_the_instructions()
    {
        var other = new Assembler().CreateLabel("foreign");
        var a = new Assembler { Origin = "the query" };
        var missing = a.CreateLabel("missing");
        var twice = a.CreateLabel("twice");
        a.Mov(R10, 1);
        a.Place(twice);
        a.Lsh(R1, 64);
        a.Place(twice);
        a.Jump(missing);
        a.Jump(other);
        a.Jump(default);
        a.Load(MemorySize.DW, R1, R10, 32768);
        a.AtomicAdd(MemorySize.H, R1, 0, R2);
        a.Div32(R1, 0);
        a.MovSx32(R1, R2, 32);
        a.ByteSwap(R1, 8);
        a.Mov((Register)11, R1);

        Assert.False(a.TryAssemble(out var code, out var errors));

        Assert.Empty(code.Instructions);
        Assert.Equal(
        [
            "instruction 0 (slot 0), from 'the query': r10, the frame pointer, is read-only and cannot be the destination",
            "instruction 1 (slot 1), from 'the query': a shift by 64 bits; a register of 64 bits shifts by 0 to 63",
            "instruction 2 (slot 2), from 'the query': label 'twice' is placed a second time, first at slot 1",
            "instruction 2 (slot 2), from 'the query': a jump to label 'missing', which is never placed",
            "instruction 3 (slot 3), from 'the query': a jump got label 'foreign' of another assembler",
            "instruction 4 (slot 4), from 'the query': a jump needs a label from CreateLabel, not the default value",
            "instruction 5 (slot 5), from 'the query': offset 32768 does not fit 16 bits (-32768 to 32767)",
            "instruction 6 (slot 6), from 'the query': this atomic operation exists for 32 and 64 bits only",
            "instruction 7 (slot 7), from 'the query': a division by the constant 0",
            "instruction 8 (slot 8), from 'the query': a sign extension from 32 bits; 8 and 16 exist",
            "instruction 9 (slot 9), from 'the query': byte swap of 8 bits; 16, 32 and 64 exist",
            "instruction 10 (slot 10), from 'the query': destination register 11 does not exist",
            "instruction 10 (slot 10), from 'the query': function 'main' falls off its end; its last instruction must be an exit or an unconditional jump",
        ], errors);
        var thrown = Assert.Throws<AssemblyException>(() => a.Assemble());
        Assert.Equal(errors, thrown.Errors);
        Assert.StartsWith("The eBPF program has 13 assembly errors:\n  instruction 0", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_jump_beyond_sixteen_bits_is_an_error_that_names_the_long_jump()
    {
        foreach (var (slots, fits) in new[] { (32767, true), (32768, false) })
        {
            var a = new Assembler();
            var far = a.CreateLabel("far");
            a.Jump(far);
            for (var i = 0; i < slots; i++)
                a.Mov(R0, 0);
            a.Place(far);
            a.Exit();
            Assert.Equal(fits, a.TryAssemble(out var code, out var errors));
            if (fits)
                Assert.Equal(short.MaxValue, code.Instructions[0].Offset);
            else
                Assert.Contains("'far' is 32768 slots long and a jump's offset has 16 bits; use JumpLong", Assert.Single(errors), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_jump_back_reaches_32768_slots()
    {
        foreach (var (slots, fits) in new[] { (32767, true), (32768, false) })
        {
            var a = new Assembler();
            var top = a.CreateLabel("top");
            a.Place(top);
            for (var i = 0; i < slots; i++)
                a.Mov(R0, 0);
            a.JumpIf(JumpOp.JNE, R0, 1, top);
            a.Exit();
            Assert.Equal(fits, a.TryAssemble(out _, out var errors));
            if (!fits)
                Assert.Contains("use the opposite condition to skip a JumpLong", Assert.Single(errors), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_long_jump_goes_where_a_jump_cannot()
    {
        var a = new Assembler();
        var far = a.CreateLabel("far");
        a.JumpLong(far);
        for (var i = 0; i < 40000; i++)
            a.Mov(R0, 0);
        a.Place(far);
        a.Exit();
        Assert.Equal(40000, a.Assemble().Instructions[0].Immediate);
    }

    [Fact]
    public void Empty_programs_and_functions_are_errors()
    {
        Assert.Equal("instruction 0 (slot 0): the program is empty", Assert.Single(Errors(_ => { })));
        Assert.Equal("instruction 1 (slot 1): function 'f' is empty", Assert.Single(Errors(a =>
        {
            a.Exit();
            a.BeginFunction(a.CreateLabel(), "f");
        })));
        Assert.Equal("instruction 0 (slot 0): function 'main' is empty", Assert.Single(Errors(a =>
        {
            a.BeginFunction(a.CreateLabel(), "f");
            a.Exit();
        })));
    }

    [Fact]
    public void A_function_that_falls_off_its_end_is_an_error_also_after_a_wide_load()
    {
        var error = Assert.Single(Errors(a =>
        {
            a.LoadImmediate64(R0, 1);
            a.BeginFunction(a.CreateLabel(), "f");
            a.Exit();
        }));
        Assert.StartsWith("instruction 0 (slot 0): function 'main' falls off its end", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_of_a_label_inside_a_function_is_an_error()
    {
        var error = Assert.Single(Errors(a =>
        {
            var inside = a.CreateLabel("inside");
            a.Call(inside);
            a.Place(inside);
            a.Exit();
        }));
        Assert.Equal("instruction 0 (slot 0): a call to label 'inside', which is no function's start; begin the function with BeginFunction", error);
    }

    [Fact]
    public void A_jump_into_another_function_is_an_error()
    {
        var error = Assert.Single(Errors(a =>
        {
            var f = a.CreateLabel("f");
            a.JumpIf(JumpOp.JEQ, R1, 0, f);
            a.Exit();
            a.BeginFunction(f, "walk");
            a.Exit();
        }));
        Assert.Equal("instruction 0 (slot 0): the jump to label 'f' leaves function 'main' for 'walk'; only calls and exits leave a function", error);
    }

    [Fact]
    public void A_jump_past_the_last_instruction_of_a_function_is_an_error()
    {
        foreach (var more in new[] { false, true })
        {
            var error = Assert.Single(Errors(a =>
            {
                var end = a.CreateLabel("end");
                a.JumpIf(JumpOp.JEQ, R1, 0, end);
                a.Exit();
                a.Place(end);
                if (!more)
                    return;
                a.BeginFunction(a.CreateLabel(), "f");
                a.Exit();
            }));
            Assert.Equal("instruction 0 (slot 0): the jump to label 'end' goes past the last instruction of function 'main'", error);
        }
    }

    [Fact]
    public void Function_names_are_unique_and_not_empty()
    {
        var errors = Errors(a =>
        {
            a.Exit();
            a.BeginFunction(a.CreateLabel(), "main");
            a.Exit();
            a.BeginFunction(a.CreateLabel(), " ");
            a.Exit();
        });
        Assert.Contains("function 'main' exists already", errors[0], StringComparison.Ordinal);
        Assert.Contains("a function needs a name", errors[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Unused_labels_need_no_place() => Assert.Empty(Errors(a =>
    {
        a.CreateLabel("unused");
        a.Exit();
    }));

    [Fact]
    public void Wrong_arguments_never_throw()
    {
        var errors = Errors(a =>
        {
            a.LoadMap(R1, "");
            a.LoadMap(R1, null!);
            a.LoadMapValue(R1, "m", -1);
            a.LoadBtfId(R1, 0);
            a.CallKfunc(-1);
            a.CallKfunc(1, 40000);
            a.Call((HelperId)9999);
            a.LoadSigned(MemorySize.DW, R1, R2, 0);
            a.Load((MemorySize)1, R1, R2, 0);
            a.JumpIf((JumpOp)0, R1, R2, default);
            a.AtomicExchange(MemorySize.DW, R1, 0, R10);
            a.AtomicCompareExchange(MemorySize.B, R1, 0, R2);
            a.Exit();
        });
        Assert.Equal(13, errors.Count);
    }

    [Fact]
    public void Assembling_leaves_the_assembler_as_it_was()
    {
        var a = new Assembler();
        var end = a.CreateLabel("end");
        a.Jump(end);
        Assert.False(a.TryAssemble(out _, out _));
        a.Place(end);
        a.Exit();
        Assert.Equal(a.Assemble().Instructions, a.Assemble().Instructions);
    }

    private static List<string> Errors(Action<Assembler> build)
    {
        var a = new Assembler();
        build(a);
        return a.TryAssemble(out _, out var errors) ? [] : [.. errors];
    }
}
