using System.Globalization;
using System.Runtime.InteropServices;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Targets;

public sealed class InstructionStartsTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    // known: 5, 4, 3 and 1 bytes; broken: 1 byte, then one that is no instruction in 64-bit code; hidden has no symbol, but a row in the unwind table; orphan has neither.
    private const string Source = """
        __asm__(".text\n.globl known\n.type known,@function\nknown: movl $1,%eax\n leaq 1(%rax),%rax\n leal 1(%rax),%eax\n ret\n.size known,.-known\n");
        __asm__(".globl broken\n.type broken,@function\nbroken: nop\n .byte 0x06\n nop\n ret\n.size broken,.-broken\n");
        __asm__(".globl sizeless\n.type sizeless,@function\nsizeless: movl $1,%eax\n ret\n");
        __asm__("hidden: .cfi_startproc\n movl $2,%eax\n ret\n.cfi_endproc\n");
        __asm__("orphan: movl $3,%eax\n ret\n");
        int known(void);
        int main(void) { return known(); }
        """;

    private static readonly ResolveOptions Options = new() { WorkingDirectory = "/" };

    private string Program(params string[] arguments)
    {
        if (RuntimeInformation.OSArchitecture != Architecture.X64)
        {
            Assert.Skip("the instructions are those of x86-64");
        }

        return targets.Compile(arguments.Length == 0 ? "starts" : "starts" + string.Concat(arguments), Source, arguments);
    }

    [Theory]
    [InlineData("known+5", 5)]
    [InlineData("known+9", 9)]
    [InlineData("known+0xc", 12)]
    [InlineData("sizeless+5", 5)]
    public void An_offset_where_an_instruction_begins_is_taken(string symbols, int offset)
    {
        var path = Program();
        using var start = TargetResolver.Resolve(path, symbols.Split('+')[0], Options);
        using var target = TargetResolver.Resolve(path, symbols, Options);
        Assert.Equal(start.Sites[0].Offset + (ulong)offset, Assert.Single(target.Sites).Offset);
    }

    [Theory]
    [InlineData("known+1", "lies inside the instruction at known+0 (5 bytes), and", "the next ones begin at known+0x5 and known+0x9.")]
    [InlineData("known+0x6", "lies inside the instruction at known+0x5 (4 bytes), and", "the next ones begin at known+0x9 and known+0xc.")]
    [InlineData("sizeless+4", "lies inside the instruction at sizeless+0 (5 bytes), and", "the next ones begin at sizeless+0x5 and sizeless+0x6.")]
    [InlineData("broken+2", "the bytes at broken+0x1 are no instruction that is known here", "Write a place before them.")]
    [InlineData("broken+3", "the bytes at broken+0x1 are no instruction that is known here", "Write a place before them.")]
    public void An_offset_inside_an_instruction_is_refused_with_the_nearest_starts(string symbols, string problem, string remedy)
    {
        var message = Assert.Throws<TargetException>(() => TargetResolver.Resolve(Program(), symbols, Options)).Message;
        Assert.StartsWith($"'{symbols}' of ", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.EndsWith(remedy, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_inside_an_instruction_of_a_known_function_is_refused()
    {
        var path = Program();
        using var start = TargetResolver.Resolve(path, "known", Options);
        var message = Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, $"0x{start.Sites[0].Address + 1:x}", Options)).Message;
        Assert.Contains("lies inside the instruction at known+0 (5 bytes)", message, StringComparison.Ordinal);
        using var second = TargetResolver.Resolve(path, $"0x{start.Sites[0].Address + 5:x}", Options);
        Assert.Equal("known+0x5", second.Sites[0].Symbol);
    }

    [Fact]
    public void In_a_stripped_program_the_unwind_table_tells_where_instructions_begin()
    {
        var hidden = AddressOf("hidden");
        var path = Program("-s");
        using var start = TargetResolver.Resolve(path, $"0x{hidden:x}", Options);
        Assert.Equal(hidden, start.Sites[0].Address);
        using var second = TargetResolver.Resolve(path, $"0x{hidden + 5:x}", Options);
        Assert.Equal(hidden + 5, second.Sites[0].Address);
        Assert.Contains(
            $"lies inside the instruction at 0x{hidden:x} (5 bytes), and a breakpoint inside an instruction would change what the program does; the next ones begin at 0x{hidden + 5:x} and ",
            Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, $"0x{hidden + 2:x}", Options)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_no_table_knows_is_refused_and_the_entry_point_is_not()
    {
        var orphan = AddressOf("orphan");
        var path = Program("-s");
        var message = Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, $"0x{orphan:x}", Options)).Message;
        Assert.Contains("lies in no function that its symbols or its unwind table tell of", message, StringComparison.Ordinal);
        Assert.Contains("Write a function that the file exports with an offset (symbol+offset), or install its debug symbols", message, StringComparison.Ordinal);

        using var image = ElfImage.Open(path);
        using var entry = TargetResolver.Resolve(path, $"0x{image.EntryPoint:x}", Options);
        Assert.Equal(image.EntryPoint, entry.Sites[0].Address);
    }

    [Fact]
    public void The_starts_in_libc_are_those_that_objdump_prints()
    {
        CompiledTargets.Require("objdump");
        using var function = TargetResolver.Resolve("libc.so.6", "qsort_r", Options);
        var site = function.Sites[0];
        var listing = CompiledTargets.Run("objdump", "-d", "--no-show-raw-insn", $"--start-address=0x{site.Address:x}", $"--stop-address=0x{site.Address + site.Size:x}", function.Path);
        var starts = listing.Split('\n').Select(line => line.Split(':')[0].Trim())
            .Select(text => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var address) ? address : 0)
            .Where(address => address >= site.Address && address < site.Address + site.Size).ToHashSet();
        Assert.True(starts.Count > 20);
        for (var offset = 1UL; offset < site.Size; offset++)
        {
            var text = $"qsort_r+{offset}";
            var error = Record.Exception(() => TargetResolver.Resolve(function.Path, text, Options).Dispose());
            Assert.True(starts.Contains(site.Address + offset) != error?.Message.Contains("lies inside the instruction", StringComparison.Ordinal), text + ": " + error?.Message);
        }
    }

    // The stripped program has the same code at the same places.
    private ulong AddressOf(string label)
    {
        var line = CompiledTargets.Run("nm", Program()).Split('\n').Single(line => line.EndsWith(" " + label, StringComparison.Ordinal));
        return ulong.Parse(line.Split(' ')[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
