using StackDepth.Native.Asm;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Asm;

public sealed class DisassemblerTests
{
    [Fact]
    public void A_program_is_listed_with_slots_targets_functions_and_comments()
    {
        var a = new Assembler { Origin = "UStack.Length" };
        var step = a.CreateLabel("step");
        var helper = a.CreateLabel("helper");
        var fail = a.CreateLabel("fail");
        a.Mov(R6, R1);
        a.LoadMap(R1, "scratch");
        a.LoadMapValue(R7, "settings", 16);
        a.Load(MemorySize.DW, R1, R6, 0);
        a.JumpIf(JumpOp.JEQ, R1, 0, fail);
        a.Note("no context");
        a.Origin = null;
        a.Call(HelperId.GetStack);
        a.LoadFunction(R2, step);
        a.LoadImmediate64(R3, 0x123456789abcdef0);
        a.Call(helper);
        a.Store(MemorySize.W, R10, -4, 7);
        a.Add32(R2, 1);
        a.AtomicAdd(MemorySize.DW, R1, 0, R2);
        a.Place(fail);
        a.Mov(R0, 0);
        a.Exit();
        a.BeginFunction(step, "step");
        a.Jump32If(JumpOp.JSGT, R1, -1, step);
        a.MayGoto(step);
        a.Jump(step);
        a.BeginFunction(helper, "helper");
        a.JumpLong(helper);

        Assert.Equal(
            """
            main:
                 0: r6 = r1                                         ; UStack.Length
                 1: r1 = map[scratch]                               ; UStack.Length
                 3: r7 = map[settings][0]+16                        ; UStack.Length
                 5: r1 = *(u64 *)(r6 +0)                            ; UStack.Length
                 6: if r1 == 0x0 goto +9 <16>                       ; UStack.Length, no context
                 7: call bpf_get_stack#67
                 8: r2 = func[+9 <step>]
                10: r3 = 0x123456789abcdef0
                12: call pc+8 <helper>
                13: *(u32 *)(r10 -4) = 7
                14: w2 += 1
                15: lock *(u64 *)(r1 +0) += r2
                16: r0 = 0
                17: exit

            step:
                18: if w1 s> 0xffffffff goto -1 <18>
                19: may_goto -2 <18>
                20: goto -3 <18>

            helper:
                21: gotol -1 <21>

            """.ReplaceLineEndings("\n"), Disassembler.Format(a.Assemble()));
    }

    [Fact]
    public void One_instruction_has_its_comment_and_no_slot()
    {
        Assert.Equal("exit ; the end", Disassembler.Format(new Instruction { Code = 0x95, Comment = "the end" }));
        Assert.Equal("goto +3", new Instruction { Code = 0x05, Offset = 3 }.ToString());
        Assert.Equal("goto +0", new Instruction { Code = 0x05 }.ToString());
    }

    [Fact]
    public void Control_characters_of_names_and_comments_are_escaped()
    {
        var text = Disassembler.Format([new Instruction { Code = 0x95, Comment = "a\nb\u001b[31m\u202e ü" }], [new("f\r", 0)]);
        Assert.Equal("f\\u000d:\n     0: exit" + new string(' ', 43) + " ; a\\u000ab\\u001b[31m\\u202e ü\n", text);
        Assert.Equal("r1 = map[\\u0007]", Disassembler.Format(new Instruction { Code = 0x18, Dst = R1, Src = (Register)1, Map = "\a" }));
    }

    [Fact]
    public void A_malformed_instruction_is_shown_field_by_field_with_the_reason() =>
        Assert.Equal(".insn code=0xff dst=12 src=0 off=-1 imm=3 (destination register 12 does not exist)",
            Disassembler.Format(new Instruction { Code = 0xff, Dst = (Register)12, Offset = -1, Immediate = 3 }));

    [Fact]
    public void A_default_list_of_functions_is_an_empty_one() => Assert.Equal("     0: exit\n", Disassembler.Format([new Instruction { Code = 0x95 }], default));
}
