using System.Globalization;
using StackDepth.Native.Symbols;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

public sealed class KernelSymbolsTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_function_of_the_kernel_has_a_name_that_awk_finds_at_its_address()
    {
        // Programs of BPF come and go with other tests.
        var all = CompiledTargets.Run("awk", "$2 ~ /^[tTwW]$/ && $1 ~ /^[89a-f]/ && $4 != \"[bpf]\" { print $1, $3, $4 }", "/proc/kallsyms");
        var functions = new Dictionary<ulong, HashSet<(string, string)>>();
        foreach (var line in all.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            var address = ulong.Parse(words[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            var module = words.Length > 2 && words[2].Length > 0 ? words[2] : "[kernel]";
            (functions.TryGetValue(address, out var names) ? names : functions[address] = []).Add((words[1], module));
        }

        Requires.That(functions.Count > 1000, "a kernel that shows its addresses in /proc/kallsyms (kernel.kptr_restrict, CAP_SYSLOG)");
        using var symbolizer = new Symbolizer();
        ulong[] addresses = [.. functions.Keys.Order()];
        var frames = new SymbolizedAddress[addresses.Length];
        for (var i = 0; i < addresses.Length; i++)
        {
            symbolizer.ResolveKernel(addresses.AsSpan(i, 1), frames.AsSpan(i, 1));
            Assert.Contains((frames[i].Symbol!, frames[i].Module!), functions[addresses[i]]);
            Assert.Equal(0ul, frames[i].Offset);
        }

        // Where a call returns to that is a function's last instruction.
        var returns = new SymbolizedAddress[addresses.Length];
        symbolizer.ResolveKernel([.. addresses.Select(static address => address + 1)], returns, leafIsExact: false);
        Assert.Equal(frames.Select(static frame => frame.Symbol), returns.Select(static frame => frame.Symbol));
        output.WriteLine($"{addresses.Length} functions");
    }

    [Fact]
    public void Modules_aliases_and_data_are_told_apart()
    {
        var kernel = KernelSymbols.Parse("""
            0000000000001000 A fixed_percpu_data
            ffffffff81000000 T _stext
            ffffffff81000000 t start_here
            ffffffff81000040 t local
            ffffffff81000080 D data_behind
            ffffffffc0001000 t in_module	[nf_tables]
            ffffffffc0001020 d table	[nf_tables]
            ffffffffc0002000 t bpf_prog_1234	[bpf]
            broken
            ffffffffc0003000 t
            """u8, SymbolNaming.Raw);
        Assert.Null(kernel.Restriction);
        Check(0xffffffff81000000, "[kernel]", "_stext", 0);
        Check(0xffffffff8100003f, "[kernel]", "_stext", 0x3f);
        Check(0xffffffff81000040, "[kernel]", "local", 0);
        Check(0xffffffff81000080, "[kernel]", null, 0);
        Check(0xffffffffc000101f, "[nf_tables]", "in_module", 0x1f);
        Check(0xffffffffc0001020, "[kernel]", null, 0);
        Check(0xffffffffc0002100, "[bpf]", "bpf_prog_1234", 0x100);
        Check(0xffffffffc0022000, "[kernel]", null, 0);
        Check(0x1000, null, null, 0);

        void Check(ulong address, string? module, string? symbol, ulong offset) =>
            Assert.Equal(new SymbolizedAddress(address, module, symbol, offset), kernel.Resolve(address, isExact: true));
    }

    [Fact]
    public void A_kernel_that_hides_its_addresses_is_said_to_do_so()
    {
        var kernel = KernelSymbols.Parse("0000000000000000 T _stext\n0000000000000000 t local\n"u8, SymbolNaming.Raw);
        Assert.Contains("kptr_restrict", kernel.Restriction, StringComparison.Ordinal);
        Assert.Equal(new SymbolizedAddress(0xffffffff81000000, "[kernel]", null, 0), kernel.Resolve(0xffffffff81000000, isExact: true));
        Assert.NotNull(KernelSymbols.Parse(default, SymbolNaming.Raw).Restriction);
        Assert.NotNull(KernelSymbols.Read(SymbolNaming.Raw, "/nowhere").Restriction);
    }
}
