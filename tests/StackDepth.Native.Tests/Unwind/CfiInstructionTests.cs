using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>Each call-frame instruction, as the assembler encodes it or byte by byte. Between the rules expected is one nop each.</summary>
public sealed class CfiInstructionTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private static int s_next;

    [Theory]
    [InlineData("rsp+8", "nop")]
    [InlineData("rsp+8|rsp+16 rbp@c-16|rbp+16 rbp@c-16|rsp+8 rbp@c-16", "nop; .cfi_def_cfa_offset 16; .cfi_offset 6, -16; nop; .cfi_def_cfa_register 6; nop; .cfi_def_cfa 7, 8; nop")]
    [InlineData("rsp+8|rsp+16 rbp@c-16|rsp+8", "nop; .cfi_adjust_cfa_offset 8; .cfi_rel_offset 6, 0; nop; .cfi_adjust_cfa_offset -8; .cfi_restore 6; nop")]
    [InlineData("rsp+8|rsp+24|rsp+16|rsp+8", "nop; .cfi_remember_state; .cfi_def_cfa_offset 24; nop; .cfi_remember_state; .cfi_restore_state; .cfi_def_cfa_offset 16; nop; .cfi_restore_state; nop")]
    [InlineData("rsp+8|Outermost|rsp+8", "nop; .cfi_undefined 16; nop; .cfi_restore 16; nop")]
    [InlineData("rsp+8 rbp lost|rsp+8", ".cfi_undefined 6; nop; .cfi_same_value 6; nop")]
    [InlineData("Unsupported", ".cfi_register 6, 11; nop")]
    [InlineData("rsp+8|Unsupported|rsp+8", "nop; .cfi_register 16, 11; nop; .cfi_restore 16; nop")]
    [InlineData("Unsupported", ".cfi_offset 16, -16; nop")]
    [InlineData("Unsupported", ".cfi_same_value 16; nop")]
    [InlineData("Unsupported", ".cfi_offset 7, -16; nop")]
    [InlineData("r10+0|rsp+8", ".cfi_def_cfa 10, 0; nop; .cfi_def_cfa 7, 8; nop")]
    [InlineData("rbx+24|r13-8", ".cfi_def_cfa 3, 24; nop; .cfi_def_cfa 13, -8; nop")]
    [InlineData("Unsupported|rsp+8", ".cfi_def_cfa 12, 0; nop; .cfi_def_cfa 7, 8; nop")]
    [InlineData("rsp+8|rsp+8|rsp+32", "nop; .cfi_offset 3, -24; .cfi_offset 12, -32; nop; .cfi_escape 0x0e, 0x20; nop")]

    // offset_extended, restore_extended, GNU_args_size, GNU_negative_offset_extended, offset_extended_sf, def_cfa_sf, def_cfa_offset_sf
    [InlineData("rsp+8 rbp@c-24|rsp+8", ".cfi_escape 0x05, 6, 3; nop; .cfi_escape 0x06, 6; nop")]
    [InlineData("rsp+8|rsp+8", "nop; .cfi_escape 0x2e, 0x90, 0x01; nop")]
    [InlineData("rsp+8 rbp@c+16", ".cfi_escape 0x2f, 6, 2; nop")]
    [InlineData("rsp+8 rbp@c-32", ".cfi_escape 0x11, 6, 4; nop")]
    [InlineData("rbp+16|rbp-8|rbp+2048", ".cfi_escape 0x12, 6, 0x7e; nop; .cfi_escape 0x13, 1; nop; .cfi_escape 0x13, 0x80, 0x7e; nop")]

    // val_offset, val_offset_sf, val_expression: of rbp nothing that a rule can say; of rsp only what holds anyway
    [InlineData("Unsupported|rsp+8", ".cfi_escape 0x14, 6, 2; nop; .cfi_escape 0xc6; nop")]
    [InlineData("Unsupported", ".cfi_escape 0x15, 6, 2; nop")]
    [InlineData("Unsupported", ".cfi_escape 0x16, 6, 2, 0x76, 0; nop")]
    [InlineData("rsp+8|Unsupported", ".cfi_escape 0x14, 7, 0; nop; .cfi_escape 0x14, 7, 1; nop")]

    // Expressions: breg, plus_uconst, deref; rbp at *(rbp), and elsewhere.
    [InlineData("rsp+24|rbp+16", ".cfi_escape 0x0f, 2, 0x77, 24; nop; .cfi_escape 0x0f, 4, 0x76, 8, 0x23, 8; nop")]
    [InlineData("*(rbp-8)|*(rbp-8) rbp@*rbp", ".cfi_escape 0x0f, 3, 0x76, 0x78, 0x06; nop; .cfi_escape 0x10, 6, 2, 0x76, 0; nop")]
    [InlineData("Unsupported|Unsupported|Unsupported", ".cfi_escape 0x10, 6, 2, 0x76, 8; nop; .cfi_escape 0x10, 6, 2, 0x77, 0; nop; .cfi_escape 0x10, 6, 3, 0x76, 0, 0x06; nop")]
    [InlineData("Unsupported|Unsupported|Unsupported", ".cfi_escape 0x0f, 3, 0x77, 8, 0x06; nop; .cfi_escape 0x0f, 3, 0x76, 8, 0x96; nop; .cfi_escape 0x0f, 0; nop")]
    [InlineData("plt 11", ".cfi_escape 0x0f, 0x0b, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22; nop")]
    [InlineData("plt 9|Unsupported", ".cfi_escape 0x0f, 0x0b, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22; nop; .cfi_escape 0x0f, 0x0b, 0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22; nop")]

    // An offset alone does not undo an expression, a register does.
    [InlineData("*(rbp-8)|*(rbp-8)|rbp+16", ".cfi_escape 0x0f, 3, 0x76, 0x78, 0x06; nop; .cfi_escape 0x0e, 16; nop; .cfi_escape 0x0d, 6; nop")]
    [InlineData("rsp+24|rsp+24|rsp+32", ".cfi_escape 0x0f, 2, 0x77, 24; nop; .cfi_escape 0x0e, 32; nop; .cfi_escape 0x0d, 7; nop")]

    // An unknown instruction, a restore without a remember and a cut-off operand spoil the rest of the function.
    [InlineData("rsp+8|Unsupported|Unsupported", "nop; .cfi_escape 0x3f; nop; .cfi_def_cfa_offset 16; nop")]
    [InlineData("rsp+8|Unsupported|Unsupported", "nop; .cfi_escape 0x0b; nop; .cfi_def_cfa_offset 16; nop")]
    [InlineData("rsp+8|Unsupported", "nop; .cfi_escape 0x0f, 0x40, 0x77; nop")]

    // Offsets that fit no rule.
    [InlineData("Unsupported|rsp+2147483647|Unsupported", ".cfi_escape 0x0e, 0xff, 0xff, 0xff, 0xff, 0x1f; nop; .cfi_escape 0x0e, 0xff, 0xff, 0xff, 0xff, 0x07; nop; .cfi_escape 0x0e, 0x80, 0x80, 0x80, 0x80, 0x08; nop")]
    [InlineData("rsp+8 rbp@c-262144|Unsupported", ".cfi_escape 0x86, 0x80, 0x80, 0x02; nop; .cfi_escape 0x86, 0x81, 0x80, 0x02; nop")]
    public void Instructions_give_these_rules(string expected, string body)
    {
        var path = CfiTarget.Assemble(targets, $"cfi{Interlocked.Increment(ref s_next)}.so", CfiTarget.Function(body));
        string[] rules = [.. expected.Split('|'), "None"];
        Assert.Equal(rules, CfiTarget.Rules(path, rules.Length));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData(".skip 60, 0x90", 61)]
    [InlineData(".skip 300, 0x90", 301)]
    [InlineData(".skip 70000, 0x90", 70001)]
    public void Advances_of_every_size_lead_to_the_same_row(string skip, int length)
    {
        var path = CfiTarget.Assemble(targets, $"advance{length}.so", CfiTarget.Function($"nop; {skip}; .cfi_def_cfa_offset 32; nop"));
        var rules = CfiTarget.Rules(path, length + 2);
        Assert.Equal(length, Array.IndexOf(rules, "rsp+32"));
        Assert.All(rules[..length], static rule => Assert.Equal("rsp+8", rule));
        Assert.Equal("None", rules[length + 1]);
    }

    [Fact]
    public void A_signal_frame_needs_the_kernels_layout()
    {
        const string kernel = ".cfi_signal_frame; .cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06; .cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x00; .cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x01; nop";
        Assert.Equal("SignalFrame", CfiTarget.Rules(CfiTarget.Assemble(targets, "signal.so", CfiTarget.Function(kernel)), 1)[0]);
        var other = CfiTarget.Assemble(targets, "signal2.so", CfiTarget.Function(".cfi_signal_frame; nop"));
        Assert.Equal("Unsupported", CfiTarget.Rules(other, 1)[0]);
        Assert.Equal(1, UnwindTables.Load(other).Table.Report.Count(UnsupportedReason.SignalFrame));
        var elsewhere = CfiTarget.Assemble(targets, "signal3.so", CfiTarget.Function(kernel.Replace("0xa8", "0xb0", StringComparison.Ordinal)));
        Assert.Equal("Unsupported", CfiTarget.Rules(elsewhere, 1)[0]);
    }

    [Fact]
    public void A_function_that_realigns_its_stack_is_walked_through_its_base_pointer()
    {
        const string source = """
            void g(void*);
            int f(int x) { char wide[64] __attribute__((aligned(64))); __builtin_alloca_with_align(x, 512); g(wide); return wide[3]; }
            """;
        var path = targets.Compile("drap.so", source, "-shared", "-fPIC", "-nostdlib", "-mno-red-zone", "-mstackrealign");
        var table = UnwindTables.Load(path).Table;
        Assert.True(ReadelfCheck.Compare(path, table) >= 4);
        Assert.Contains(table.Rules, static rule => rule.Cfa is CfaKind.AtBasePointer or CfaKind.BasePointer);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_64_bit_format_is_read(bool isDebugFrame)
    {
        // In .eh_frame the distance to the CIE has 4 bytes in either format, in .debug_frame 8.
        var (section, id, pointer) = isDebugFrame ? (".debug_frame,\"\",@progbits", ".quad -1", ".quad 0") : (".eh_frame,\"a\",@progbits", ".long 0", ".long .-1b");
        var (letters, range) = isDebugFrame ? ("0, 1, 0x78, 16", ".quad f, 3") : ("'z', 'R', 0, 1, 0x78, 16, 1, 0x1b", ".long local-., 3\n.byte 0");
        var text = $"""
            .text
            .globl f
            .type f, @function
            f:
            local: nop
               nop
               nop
            .size f, .-f
            .section {section}
            1: .long 0xffffffff
               .quad 3f-2f
            2: {id}
               .byte 1, {letters}, 0x0c, 7, 8, 0x90, 1, 0, 0
            3:
               .long 0xffffffff
               .quad 5f-4f
            4: {pointer}
               {range}
               .byte 0x41, 0x0e, 16, 0x86, 2, 0x41, 0x0d, 6
            5:
            """;
        var path = CfiTarget.Assemble(targets, $"wide{isDebugFrame}.so", text, "-Wl,--no-eh-frame-hdr");
        Assert.Equal(["rsp+8", "rsp+16 rbp@c-16", "rbp+16 rbp@c-16", "None"], CfiTarget.Rules(path, 4));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("zlib")]
    public void Debug_frame_serves_where_only_that_exists(string compression)
    {
        // Many, or compression does not pay and is not done.
        var source = "int g(int); int f(int x) { return g(x + 1) * 3; } int h(int x) { return f(x) + f(x - 1); }"
            + string.Concat(Enumerable.Range(0, 40).Select(static i => $"int more{i}(int x) {{ return f(x) + h({i}); }}"));
        var path = targets.Compile(
            $"debug{compression}.so", source, "-shared", "-fPIC", "-nostdlib", "-g", "-fno-asynchronous-unwind-tables", "-fno-exceptions", $"-Wl,--compress-debug-sections={compression}");
        var table = UnwindTables.Load(path).Table;
        Assert.Equal(compression == "zlib", CompiledTargets.Run("readelf", "-tW", path).Contains("ZLIB", StringComparison.Ordinal));
        Assert.True(ReadelfCheck.Compare(path, table) >= 4);
        Assert.Equal(CfaKind.StackPointer, table.Find(CfiTarget.OffsetOf(path, "f")).Cfa);
        Assert.Equal(CfaKind.StackPointer, table.Find(CfiTarget.OffsetOf(path, "h")).Cfa);
    }

    [Fact]
    public void Where_eh_frame_speaks_debug_frame_is_not_heard()
    {
        var text = CfiTarget.Function("nop; nop") + """
            .globl g
            .type g, @function
            g: nop
            .size g, .-g
            .section .debug_frame,"",@progbits
            1: .long 3f-2f
            2: .long -1
               .byte 1, 0, 1, 0x78, 16, 0x0c, 7, 48, 0x90, 1, 0, 0
            3: .long 5f-4f
            4: .long 0
               .quad f, 3
            5:
            """;
        var path = CfiTarget.Assemble(targets, "both.so", text);
        Assert.Equal(["rsp+8", "rsp+8", "rsp+48", "None"], CfiTarget.Rules(path, 4));
    }

    [Fact]
    public void A_debug_frame_that_cannot_be_read_costs_eh_frame_nothing()
    {
        var path = CfiTarget.Assemble(targets, "broken.so", CfiTarget.Function("nop") + ".section .debug_frame,\"\",@progbits\n.quad 2, 100, 1, 0\n");
        var bytes = File.ReadAllBytes(path);
        using (var image = ElfImage.Open(path))
        {
            Assert.True(image.TryGetSection(".debug_frame"u8, out var section));
            var at = bytes.AsSpan().IndexOf(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<ElfSection>(in section)));
            bytes[at + 9] |= 8; // SHF_COMPRESSED, and the content says zstd
        }

        File.WriteAllBytes(path, bytes);
        Assert.Equal(["rsp+8", "None"], CfiTarget.Rules(path, 2));
        Assert.True(UnwindTables.Load(path).Table.Report.IsDamaged);
    }

    [Fact]
    public void Overlapping_functions_agree_or_are_unsupported_and_empty_ones_do_not_count()
    {
        var head = CfiTarget.Function("nop; .cfi_def_cfa_offset 16; nop; nop; nop");
        string Fde(int n, string start, int length, string instructions) => $"""
            {n}1: .long {n}3f-{n}2f
            {n}2: .long 0
               .quad {start}, {length}
               {instructions}
            {n}3:
            """;
        var text = head.Replace(".cfi_startproc", string.Empty, StringComparison.Ordinal).Replace(".cfi_endproc", string.Empty, StringComparison.Ordinal)
            .Replace(".cfi_def_cfa_offset 16", string.Empty, StringComparison.Ordinal) + $"""
            .section .debug_frame,"",@progbits
            1: .long 3f-2f
            2: .long -1
               .byte 1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0
            3:
            {Fde(4, "f+1", 3, ".byte 0x0e, 16, 0x41, 0x0e, 8")}
            {Fde(5, "f", 3, string.Empty)}
            {Fde(6, "f+1", 0, ".byte 0x0e, 32")}
            """;
        var path = CfiTarget.Assemble(targets, "overlap.so", text);
        Assert.Equal(["rsp+8", "Unsupported", "rsp+8", "rsp+8", "None"], CfiTarget.Rules(path, 5));
        var report = UnwindTables.Load(path).Table.Report;
        Assert.Equal((2, 1, 1), (report.Fdes, report.SkippedFdes, report.Count(UnsupportedReason.Overlap)));
    }

    [Fact]
    public void A_file_without_section_headers_gives_the_same_rows()
    {
        var path = targets.Compile("bare.so", "int g(int); int f(int x) { return g(x + 1) * 3; }", "-shared", "-fPIC", "-nostdlib");
        var whole = UnwindTables.Load(path).Table;
        var bytes = File.ReadAllBytes(path);
        bytes.AsSpan(40, 8).Clear();
        bytes.AsSpan(60, 4).Clear();
        var bare = targets.PathOf("bare2.so");
        File.WriteAllBytes(bare, bytes);
        var table = UnwindTables.Load(bare).Table;
        Assert.True(whole.HasRules);
        Assert.Equal((whole.FirstPage, whole.Report.Fdes), (table.FirstPage, table.Report.Fdes));
        Assert.Equal(whole.Rows, table.Rows);
        Assert.Equal(whole.Rules, table.Rules);
        Assert.Equal(whole.BuildId, table.BuildId);
    }
}
