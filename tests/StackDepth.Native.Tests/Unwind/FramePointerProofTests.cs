using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

public sealed class FramePointerProofTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private const string Source = """
        int sum;
        __attribute__((noinline)) int leaf(int x) { __asm__ volatile(""); return x * 3; }
        __attribute__((noinline)) int PART(int x) { if (x > 0) sum += PART(x - 1) + leaf(x); return sum + 1; }
        """;

    private const string Start = """
        void _start(void) { sum = PART(10); for (;;) { __asm__ volatile(""); } }
        """;

    // With its own frame; {0} is at its entry, {1} behind it.
    private const string Framed = """
        .text
        .globl f
        .type f, @function
        f: .cfi_startproc
        {0}
        push %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset 6, -16
        mov %rsp, %rbp
        .cfi_def_cfa_register 6
        call g
        call *%rax
        pop %rbp
        .cfi_def_cfa 7, 8
        ret
        .cfi_endproc
        .size f, .-f
        {1}
        g: .cfi_startproc
        ret
        .cfi_endproc
        """;

    [Fact]
    public void A_static_program_compiled_with_frame_pointers_keeps_them()
    {
        var path = targets.Compile("kept", Source.Replace("PART", "part", StringComparison.Ordinal) + Start.Replace("PART", "part", StringComparison.Ordinal), Static("-fno-omit-frame-pointer"));
        var table = UnwindTables.Load(path).Table;
        Assert.True(table.HasRules);
        Assert.True(Covers(table, path, "part"));
        Assert.True(Covers(table, path, "_start"));
    }

    [Fact]
    public void A_program_compiled_without_does_not()
    {
        var path = targets.Compile("omitted", Source.Replace("PART", "part", StringComparison.Ordinal) + Start.Replace("PART", "part", StringComparison.Ordinal), Static("-fomit-frame-pointer"));
        Assert.False(Covers(UnwindTables.Load(path).Table, path, "part"));
    }

    [Fact]
    public void A_program_with_one_part_compiled_without_keeps_them_in_the_others()
    {
        var part = targets.PathOf("part.c");
        File.WriteAllText(part, Source.Replace("PART", "other", StringComparison.Ordinal).Replace("leaf", "otherLeaf", StringComparison.Ordinal).Replace("sum", "otherSum", StringComparison.Ordinal));
        CompiledTargets.Run("gcc", "-O1", "-c", "-fomit-frame-pointer", "-fno-pic", "-o", part + ".o", part);
        var path = targets.Compile("mixed", Source.Replace("PART", "part", StringComparison.Ordinal) + Start.Replace("PART", "part", StringComparison.Ordinal), [.. Static("-fno-omit-frame-pointer"), part + ".o"]);
        var table = UnwindTables.Load(path).Table;
        Assert.True(Covers(table, path, "part"));
        Assert.False(Covers(table, path, "other"));
    }

    [Theory]
    [InlineData(true, "nop", "")]
    [InlineData(false, "call g", "")]
    [InlineData(false, "call *%rax", "")]
    [InlineData(false, "call *8(%rax,%rbx,4)", "")]
    [InlineData(false, "call *g(%rip)", "")]

    // Bytes of a call within other instructions; code only these are decoded for.
    [InlineData(true, "mov $0xe8, %eax", "")]
    [InlineData(true, "mov $0xd0ff, %eax", "")]
    [InlineData(true, "jmp *%rax; push *0(%rax); syscall; mov $0xe8, %al", "")]
    [InlineData(false, "mov $0xe8, %al; .byte 0x06", "")]

    // Text without rows: padding is harmless, a call or what may be one is not.
    [InlineData(true, "nop", ".p2align 6")]
    [InlineData(true, "nop", ".skip 77, 0")]
    [InlineData(true, "nop", "h: mov %rdi, %rax; ret")]
    [InlineData(false, "nop", "h: call g; ret")]
    [InlineData(false, "nop", "h: call *(%rdi); ret")]
    [InlineData(false, "nop", "h: mov $0xe8, %eax; ret")]
    public void The_place_of_calls_decides(bool expected, string atEntry, string behind)
    {
        var text = Framed.Replace("{0}", atEntry.Replace("push *0", "push 0", StringComparison.Ordinal), StringComparison.Ordinal).Replace("{1}", behind, StringComparison.Ordinal);
        var path = CfiTarget.Assemble(targets, $"place{Math.Abs((atEntry + behind).GetHashCode(StringComparison.Ordinal))}.so", text);
        using var image = ElfImage.Open(path, path, ElfConstants.MachineX64);
        var code = UnwindSource.Read(image).Text.Ranges[0];
        Assert.Equal(expected, UnwindTables.Load(path).Table.Plain == new PlainText((uint)code.Offset, (uint)code.Length));
    }

    [Fact]
    public void The_outermost_function_is_its_rows_own_matter()
    {
        var path = CfiTarget.Assemble(targets, "outermost.so", CfiTarget.Function(".cfi_undefined 16; call f; nop"));
        Assert.False(Covers(UnwindTables.Load(path).Table, path, "f"));
    }

    [Fact]
    public void A_file_without_rows_shows_nothing()
    {
        var path = CfiTarget.Assemble(targets, "rowless.so", ".text\n.globl f\nf: ret\n");
        var table = UnwindTables.Load(path).Table;
        Assert.False(table.HasRules);
        Assert.Equal(default, table.Plain);
    }

    [Theory]
    [InlineData("/lib/x86_64-linux-gnu/libc.so.6")]
    [InlineData("/usr/bin/python3.11")]
    public void Debians_libc_and_python_do_not(string path)
    {
        if (!File.Exists(path))
        {
            CompiledTargets.SkipOrFail($"{path} is not installed");
        }

        Assert.Equal(default, UnwindTables.Load(path).Table.Plain);
    }

    private static bool Covers(UnwindTable table, string path, string symbol)
    {
        var (start, size) = CfiTarget.FunctionOf(path, symbol);
        return start >= table.Plain.Start && start + size <= (ulong)table.Plain.Start + table.Plain.Length;
    }

    private static string[] Static(string frames) => ["-static", "-nostdlib", "-no-pie", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none", frames];
}
