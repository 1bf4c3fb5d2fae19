using System.Globalization;

namespace StackDepth.Tool.Tests.Support;

/// <summary>What a test needs of the machine: skips with the reason, or fails where STACKDEPTH_REQUIRE=1 says that the machine has it all.</summary>
internal static class Requires
{
    private const int PerfmonBit = 38, BpfBit = 39, SysAdminBit = 21;

    internal static void Probes()
    {
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        var held = ulong.Parse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        That((held >> SysAdminBit & 1) != 0 || (held >> BpfBit & held >> PerfmonBit & 1) != 0, "CAP_BPF and CAP_PERFMON");
        Program("gcc");
    }

    internal static void Program(string name) => That(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Join(folder, name))), $"the program {name}");

    internal static void Root() => That(Environment.IsPrivilegedProcess, "root, to run the tool as somebody else");

    /// <summary>Guests (tests/kernels) have kprobes, and other machines may lack them.</summary>
    internal static void Kprobes()
    {
        var holds = File.Exists("/sys/bus/event_source/devices/kprobe/type");
        if (holds || Environment.GetEnvironmentVariable("STACKDEPTH_GUEST") is not null)
            That(holds, "kprobes (CONFIG_KPROBE_EVENTS)");
        else
            Assert.Skip("This machine's kernel lacks kprobes (CONFIG_KPROBE_EVENTS): tests/kernels/suite.sh runs the test in guests.");
    }

    private static void That(bool holds, string what)
    {
        if (holds)
            return;
        if (Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") == "1")
            Assert.Fail($"STACKDEPTH_REQUIRE=1, and this machine lacks {what}.");
        Assert.Skip($"This machine lacks {what}.");
    }
}
