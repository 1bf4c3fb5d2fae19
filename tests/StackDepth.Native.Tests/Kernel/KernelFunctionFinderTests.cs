using StackDepth.Native.Kernel;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tests.Kernel;

public sealed class KernelFunctionFinderTests
{
    private const string Symbols = """
        ffffffff81000000 T _stext
        ffffffff81000100 T __pfx_vfs_read
        ffffffff81000110 T vfs_read
        ffffffff81000200 T vfs_write
        ffffffff81000300 t vfs_writev
        ffffffff81000300 t vfs_writev_alias
        ffffffff81000400 t vfs_read.cold
        ffffffff81000500 t helper
        ffffffff81000600 t helper
        ffffffff81000700 t split.isra.0
        ffffffff81000800 t do_int3
        ffffffff81000900 t quiet
        ffffffff81800000 D vfs_table
        ffffffff82000000 T _sinittext
        ffffffff82000010 t vfs_init
        ffffffff82001000 T _einittext
        ffffffffc0000000 t fuse_read	[fuse]
        ffffffffc0000100 t helper	[fuse]
        ffffffffc1000000 t bpf_prog_1234_vfs_read	[bpf]

        """;

    private const string Traceable = """
        ffffffff81000114 vfs_read
        ffffffff81000200 vfs_write
        ffffffff81000300 vfs_writev
        ffffffff81000500 helper
        ffffffff81000604 helper
        ffffffff81000704 split.isra.0
        ffffffffc0000004 fuse_read [fuse]
        ffffffffc0000104 helper [fuse]

        """;

    private const string Blacklist = "0xffffffff81000800-0xffffffff81000880\tdo_int3\n";

    private static KernelFunctionFinder Finder(string? traceable = Traceable, string? blacklist = Blacklist, string symbols = Symbols) =>
        KernelFunctionFinder.Read(new FaultySystemCalls
        {
            OnReadText = path => path switch
            {
                "/proc/kallsyms" => symbols,
                KprobeBlacklist.Path => blacklist ?? "",
                "/sys/kernel/tracing/available_filter_functions_addrs" => traceable ?? "",
                "/sys/kernel/tracing/available_filter_functions" => "",
                "/sys/kernel/debug/tracing/available_filter_functions_addrs" => "",
                "/sys/kernel/debug/tracing/available_filter_functions" => "",
                _ => null,
            },
        });

    private static string[] Names(KernelFunctionMatch match) => [.. match.Functions.Select(static f => f.Name)];

    [Fact]
    public void A_glob_matches_functions_that_can_be_probed_each_address_once()
    {
        var match = Finder().Find("vfs_*", KernelProbeKind.Kprobe, 10);
        Assert.Equal(["vfs_read", "vfs_write", "vfs_writev"], Names(match));
        Assert.All(match.Functions, static f => Assert.True(f.IsTraceable));

        // vfs_init, which is gone after boot.
        Assert.Equal(1, match.LeftOut);
        Assert.Equal(0xffffffff81000110UL, match.Functions[0].Address);
    }

    [Fact]
    public void Functions_of_one_name_are_all_meant_unless_a_module_is_named()
    {
        Assert.Equal([0xffffffff81000500UL, 0xffffffff81000600, 0xffffffffc0000100], Finder().Find("helper", KernelProbeKind.Kprobe, 10).Functions.Select(static f => f.Address));
        Assert.Equal([new KernelFunction("helper", 0xffffffffc0000100, "fuse", true)], Finder().Find("fuse:helper", KernelProbeKind.Kprobe, 10).Functions);
        Assert.Equal(2, Finder().Find("vmlinux:helper", KernelProbeKind.Kprobe, 10).Functions.Length);
    }

    [Fact]
    public void Offsets_and_addresses_mean_instructions()
    {
        Assert.Equal(0x1cUL, Finder().Find("vfs_read+0x1c", KernelProbeKind.Kprobe, 10).Offset);
        var match = Finder().Find("0xffffffff81000128", KernelProbeKind.Kprobe, 10);
        Assert.Equal("vfs_read", match.Functions.Single().Name);
        Assert.Equal(0x18UL, match.Offset);
        Assert.Throws<TargetNotFoundException>(() => Finder().Find("0x1000", KernelProbeKind.Kprobe, 10));
    }

    [Theory]
    [InlineData("do_int3", "handles probes and exceptions")]
    [InlineData("vfs_init", "drops after boot")]
    [InlineData("do_*", "none of which can be probed")]
    public void What_cannot_be_probed_is_refused_with_the_reason(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<TargetException>(() => Finder().Find(text, KernelProbeKind.Kprobe, 10)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_ftrace_leaves_out_takes_a_kprobe_of_its_own_and_no_fentry()
    {
        Assert.False(Finder().Find("quiet", KernelProbeKind.Kprobe, 10).Functions.Single().IsTraceable);
        Assert.Contains("use a kprobe", Assert.Throws<TargetException>(() => Finder().Find("quiet", KernelProbeKind.Tracing, 10)).Message, StringComparison.Ordinal);
        Assert.Equal("do_int3", Finder(traceable: Traceable + "ffffffff81000800 do_int3\n").Find("do_int3", KernelProbeKind.Tracing, 10).Functions.Single().Name);
    }

    [Theory]
    [InlineData("vfs_raed", "'vfs_read'")]
    [InlineData("split", "'split.isra.0'")]
    [InlineData("vfs_table", "is data of the kernel")]
    [InlineData("nope:vfs_read", "there is one in vmlinux")]
    [InlineData("zzz*", "that matches 'zzz*'")]
    public void What_is_not_there_is_told_with_what_comes_near(string text, string told) =>
        Assert.Contains(told, Assert.Throws<TargetNotFoundException>(() => Finder().Find(text, KernelProbeKind.Kprobe, 10)).Message, StringComparison.Ordinal);

    [Fact]
    public void More_than_may_be_probed_are_refused() =>
        Assert.Contains("matches 3 kernel functions", Assert.Throws<TargetException>(() => Finder().Find("vfs_*", KernelProbeKind.Kprobe, 2)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_tracefs_nothing_is_claimed_about_ftrace()
    {
        var match = Finder(traceable: null, blacklist: null).Find("vfs_*", KernelProbeKind.Kprobe, 10);
        Assert.Equal(["vfs_read", "vfs_write", "vfs_writev"], Names(match));
        Assert.All(match.Functions, static f => Assert.Null(f.IsTraceable));
    }

    [Fact]
    public void Hidden_addresses_leave_names()
    {
        var hidden = string.Join('\n', Symbols.Split('\n').Select(static line => line.Length > 16 ? new string('0', 16) + line[16..] : line));
        var match = Finder(traceable: null, blacklist: Blacklist, symbols: hidden).Find("vfs_[rw]*", KernelProbeKind.Kprobe, 10);
        Assert.Equal(["vfs_read", "vfs_write", "vfs_writev", "vfs_writev_alias"], Names(match));
        Assert.All(match.Functions, static f => Assert.Equal(0UL, f.Address));
        Assert.Throws<TargetException>(() => Finder(traceable: null, symbols: hidden).Find("do_int3", KernelProbeKind.Kprobe, 10));
    }

    [Fact]
    public void No_list_of_symbols_is_told() =>
        Assert.Contains("CONFIG_KALLSYMS", Assert.Throws<TargetException>(() => Finder(symbols: "")).Message, StringComparison.Ordinal);

    [Fact]
    public void Damaged_lists_are_answered_without_a_crash()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var finder = Finder(Damage(Traceable), Damage(Blacklist), Damage(Symbols));
            foreach (var text in new[] { "vfs_*", "helper", "fuse:*", "0xffffffff81000128", "nothing_like_it" })
            {
                try
                {
                    Assert.InRange(finder.Find(text, KernelProbeKind.Kprobe, 50).Functions.Length, 1, 50);
                }
                catch (Exception error) when (error is TargetException or TargetNotFoundException)
                {
                    // The only exceptions that damage may cause.
                }
            }
        }

        string Damage(string text)
        {
            var characters = text.ToCharArray();
            for (var i = random.Next(8); i > 0; i--)
            {
                characters[random.Next(characters.Length)] = (char)random.Next(1, 128);
            }

            return new(characters, 0, Math.Max(1, characters.Length - random.Next(40)));
        }
    }

    [Fact]
    public void The_running_kernels_functions_are_found()
    {
        var match = KernelFunctionFinder.Read(SystemCalls.Real).Find("seq_read_iter", KernelProbeKind.Kprobe, 10);
        Assert.Null(Assert.Single(match.Functions).Module);
        Assert.Equal(0UL, match.Offset);
    }
}
