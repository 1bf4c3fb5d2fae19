using StackDepth.Native.Elf;
using StackDepth.Native.Usdt;

namespace StackDepth.Native.Tests.Usdt;

public sealed class UsdtArgumentTests
{
    [Theory]
    [InlineData("-4@$-9", "-4 const -9")]
    [InlineData("8@$0xffffffffffffffff", "8 const -1")]
    [InlineData("8@%rbp", "8 rbp")]
    [InlineData("-4@%eax", "-4 eax")]
    [InlineData("2@%r9w", "2 r9w")]
    [InlineData("-1@%ah", "-1 ah>>8")]
    [InlineData("1@%sil", "1 sil")]
    [InlineData("%ecx", "4 ecx")]
    [InlineData("8@(%rsp)", "8 [rsp+0]")]
    [InlineData("-4@-20(%rbp)", "-4 [rbp+-20]")]
    [InlineData("4@-8+4(%rbp)", "4 [rbp+-4]")]
    [InlineData("8@0x10(%rax)", "8 [rax+16]")]
    [InlineData("4@(%rax,%rdx)", "4 [rax+0+rdx*1]")]
    [InlineData("-2@8(%r12,%rax,4)", "-2 [r12+8+rax*4]")]
    [InlineData("8f@%xmm0", "it is a floating-point number")]
    [InlineData("8@%xmm0", "its register is not one")]
    [InlineData("3@%eax", "its size is none")]
    [InlineData("x@%eax", "its size is not a number")]
    [InlineData("4@%eax@", "its register is not one")]
    [InlineData("8@counter(%rip)", "by a symbol")]
    [InlineData("8@counter", "at a fixed address")]
    [InlineData("8@%fs:16", "a segment register")]
    [InlineData("8@8(%rip)", "its address is not")]
    [InlineData("8@8(%eax)", "its address is not")]
    [InlineData("8@8(%rax,%rcx,3)", "its address is not")]
    [InlineData("8@8(,%rcx,8)", "its address is not")]
    [InlineData("8@8(%rax", "its displacement")]
    [InlineData("8@%ah", "more bytes than its register has")]
    [InlineData("8@$", "its constant is not a number")]
    public void Operands_of_x64_are_understood(string text, string expected) => Check(text, ElfConstants.MachineX64, expected);

    [Theory]
    [InlineData("-4@[sp, 60]", "-4 [sp+60]")]
    [InlineData("8@[x29,-16]", "8 [x29+-16]")]
    [InlineData("8@[x1]", "8 [x1+0]")]
    [InlineData("8@[x1, x2, lsl 3]", "8 [x1+0+x2*8]")]
    [InlineData("8@[x1, x2]", "8 [x1+0+x2*1]")]
    [InlineData("-4@w0", "-4 w0")]
    [InlineData("8@x30", "8 x30")]
    [InlineData("8@sp", "8 sp")]
    [InlineData("-4@5", "-4 const 5")]
    [InlineData("8@#0x10", "8 const 16")]
    [InlineData("8@x31", "neither a number nor a register")]
    [InlineData("8@x01", "neither a number nor a register")]
    [InlineData("8@[w1]", "its address is not")]
    [InlineData("8@[x1, w2, sxtw 3]", "its address is not")]
    [InlineData("8@[x1, 16]!", "its address is not")]
    public void Operands_of_arm64_are_understood(string text, string expected) => Check(text, ElfConstants.MachineArm64, expected);

    [Fact]
    public void Arguments_are_separated_by_blanks_outside_of_brackets()
    {
        Assert.Equal(["8@x0", "-4@[sp, 60]", "4@5"], UsdtArgumentParser.Parse(" 8@x0  -4@[sp, 60] 4@5 ", ElfConstants.MachineArm64).Select(static argument => argument.Text));
        Assert.Empty(UsdtArgumentParser.Parse("", ElfConstants.MachineX64));
        Assert.Equal(64, UsdtArgumentParser.Parse(string.Concat(Enumerable.Repeat("8@%rax ", 1000)), ElfConstants.MachineX64).Length);
        Assert.Contains("too long", Assert.Single(UsdtArgumentParser.Parse(new string('(', 100_000), ElfConstants.MachineX64)).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Registers_are_where_the_kernels_struct_has_them()
    {
        // arch/x86/include/uapi/asm/ptrace-abi.h.
        string[] order = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss"];
        for (var i = 0; i < order.Length; i++)
        {
            Assert.Equal(order[i] is "orig_rax" or "cs" or "eflags" or "ss" ? null : i * 8, UsdtRegisters.X64(order[i])?.ContextOffset);
        }

        Assert.Equal(31 * 8, UsdtRegisters.Arm64("sp")!.ContextOffset);
    }

    private static void Check(string text, ushort machine, string expected)
    {
        var argument = Assert.Single(UsdtArgumentParser.Parse(text, machine));
        Assert.Equal(text, argument.Text);
        var size = argument.IsSigned ? -argument.Size : argument.Size;
        var shown = argument.Operand switch
        {
            UsdtOperand.Constant => $"{size} const {argument.Value}",
            UsdtOperand.Register => $"{size} {argument.Register!.Name}{(argument.Register.Shift == 0 ? "" : $">>{argument.Register.Shift}")}",
            UsdtOperand.Memory => $"{size} [{argument.Register!.Name}+{argument.Value}{(argument.Index is { } index ? $"+{index.Name}*{argument.Scale}" : "")}]",
            _ => argument.Problem!,
        };
        Assert.True(argument.Operand == UsdtOperand.Unsupported ? shown.Contains(expected, StringComparison.Ordinal) : shown == expected, shown);
    }
}
