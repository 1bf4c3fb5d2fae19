using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Tests.Parsing;

public sealed class ProbeSpecParserTests
{
    [Theory]
    [InlineData("uprobe:./deep:leaf", "./deep", "leaf")]
    [InlineData("u:python3:*", "python3", "*")]
    [InlineData("uprobe:libc.so.6:malloc+4", "libc.so.6", "malloc+4")]
    [InlineData("uprobe:/bin/x:0x1234", "/bin/x", "0x1234")]
    [InlineData("uprobe:./a.out:ns::Type::method", "./a.out", "ns::Type::method")]
    [InlineData("uprobe:./a.out:::global", "./a.out", "::global")]
    [InlineData("uprobe:./go:type:.eq.main.T", "./go", "type:.eq.main.T")]
    [InlineData("uprobe:./go:github.com/a/b.(*T).M", "./go", "github.com/a/b.(*T).M")]
    [InlineData("uprobe:\"/opt/a:b/bin\":main", "/opt/a:b/bin", "main")]
    [InlineData("uprobe:/bin/x:\"a, b\"", "/bin/x", "a, b")]
    public void The_binary_ends_at_the_first_colon_unless_it_is_quoted(string text, string binary, string symbols) =>
        Assert.Equal(new ProbeSpec(text, binary, symbols), ProbeSpecParser.Parse(text));

    [Theory]
    [InlineData("uretprobe:./deep:leaf", "UserReturn", "./deep", "leaf", 0)]
    [InlineData("ur:libc.so.6:\"f g\"", "UserReturn", "libc.so.6", "f g", 0)]
    [InlineData("kretprobe:vfs_read", "KernelReturn", "", "vfs_read", 0)]
    [InlineData("kr:ext4:ext4_*", "KernelReturn", "", "ext4:ext4_*", 0)]
    [InlineData("kprobe:vfs_read", "Kernel", "", "vfs_read", 0)]
    [InlineData("k:ext4:ext4_*", "Kernel", "", "ext4:ext4_*", 0)]
    [InlineData("tracepoint:sched:sched_switch", "Tracepoint", "sched", "sched_switch", 0)]
    [InlineData("t:syscalls:sys_enter_*", "Tracepoint", "syscalls", "sys_enter_*", 0)]
    [InlineData("rawtracepoint:sched_switch", "RawTracepoint", "", "sched_switch", 0)]
    [InlineData("rt:sys_enter", "RawTracepoint", "", "sys_enter", 0)]
    [InlineData("fentry:vfs_read", "FEntry", "", "vfs_read", 0)]
    [InlineData("kfunc:vfs_read", "FEntry", "", "vfs_read", 0)]
    [InlineData("fexit:vfs_read", "FExit", "", "vfs_read", 0)]
    [InlineData("profile:hz:99", "Profile", "", "", 99)]
    [InlineData("interval:s:2", "Interval", "", "", 2_000_000)]
    [InlineData("i:ms:5", "Interval", "", "", 5_000)]
    [InlineData("i:us:10", "Interval", "", "", 10)]
    [InlineData("interval:hz:100", "Interval", "", "", 10_000)]
    [InlineData("software:page-faults:100", "Software", "page-faults", "", 100)]
    [InlineData("s:faults", "Software", "faults", "", 1)]
    public void Other_probes_are_written_as_bpftrace_writes_them(string text, string kind, string binary, string symbols, int number) =>
        Assert.Equal(new ProbeSpec(text, binary, symbols, Enum.Parse<ProbeKind>(kind), number), ProbeSpecParser.Parse(text));

    [Theory]
    [InlineData("usdt:python3:python:function__entry", "python3", "python", "function__entry")]
    [InlineData("U:\"/opt/a:b\":p:n*", "/opt/a:b", "p", "n*")]
    [InlineData("usdt:./deep:tick", "./deep", "*", "tick")]
    public void A_usdt_probe_names_its_provider_or_means_any(string text, string binary, string provider, string name) =>
        Assert.Equal(new ProbeSpec(text, binary, name, ProbeKind.Usdt) { Provider = provider }, ProbeSpecParser.Parse(text));

    [Fact]
    public void Blanks_around_a_probe_do_not_count() => Assert.Equal(ProbeSpecParser.Parse("uprobe:./deep:leaf"), ProbeSpecParser.Parse(" uprobe:./deep:leaf\n"));

    [Theory]
    [InlineData("kretprobe", "not a probe")]
    [InlineData("kprobe", "not a probe")]
    [InlineData("uretprobe", "not a probe")]
    [InlineData("usdt", "not a probe")]
    [InlineData("BEGIN", "BEGIN probes are not supported yet")]
    [InlineData("malloc", "not a probe")]
    [InlineData("probe:/bin/x:main", "no probe type of this name")]
    public void Other_probes_are_refused_with_what_is_supported(string text, string message)
    {
        var error = Assert.Throws<UsageException>(() => ProbeSpecParser.Parse(text));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("uprobe:BINARY:SYMBOL", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, error.Position);
    }

    [Theory]
    [InlineData("fentry:", 7)]
    [InlineData("rawtracepoint:", 14)]
    [InlineData("usdt:", 5)]
    [InlineData("usdt:/bin/x", 11)]
    [InlineData("usdt:/bin/x::n", 12)]
    [InlineData("usdt:/bin/x:p:", 14)]
    [InlineData("kprobe:", 7)]
    [InlineData("kretprobe:", 10)]
    [InlineData("uretprobe:/bin/x", 16)]
    [InlineData("uretprobe:/bin/x:", 17)]
    [InlineData("tracepoint:sched", 16)]
    [InlineData("profile:99", 8)]
    [InlineData("profile:hz:0", 11)]
    [InlineData("profile:hz:99x", 11)]
    [InlineData("interval:1", 9)]
    [InlineData("interval:m:1", 9)]
    [InlineData("interval:us:9", 12)]
    [InlineData("interval:s:9999", 11)]
    [InlineData("software:faults:", 16)]
    [InlineData("software:", 9)]
    [InlineData("uprobe:", 7)]
    [InlineData("uprobe:/bin/x", 13)]
    [InlineData("uprobe::main", 7)]
    [InlineData("uprobe:/bin/x:", 14)]
    [InlineData("uprobe:\"/bin/x:main", 7)]
    [InlineData("uprobe:\"/bin/x\"main", 15)]
    [InlineData("uprobe:/bin/x:\"main", 14)]
    [InlineData("uprobe:/bin/x:\"main\" { }", 20)]
    [InlineData("uprobe:/bin/x:main { @ = count() }", 19)]
    [InlineData("uprobe:/bin/x:a,uprobe:/bin/x:b", 15)]
    [InlineData("uprobe:/bin/x:cpp:\"ns::f\"", 14)]
    public void A_fault_is_shown_where_it_begins(string text, int position) =>
        Assert.Equal(position, Assert.Throws<UsageException>(() => ProbeSpecParser.Parse(text)).Position);
}
