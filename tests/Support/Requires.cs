using StackDepth.Native.Sys;

namespace StackDepth.Tests.Support;

/// <summary>What a test needs of the machine: skips with the reason, or fails where STACKDEPTH_REQUIRE=1 says that the machine has it all.</summary>
internal static class Requires
{
    internal static bool Everything => Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") == "1";

    internal static void Bpf() => That(
        CapabilitySet.Current(SystemCalls.Real) is { } set && set.Grants(Capability.Bpf) && set.Grants(Capability.Perfmon), "CAP_BPF and CAP_PERFMON");

    internal static void SysAdmin() => That(CapabilitySet.Current(SystemCalls.Real) is { } set && set.Has(Capability.SysAdmin), "CAP_SYS_ADMIN");

    internal static void Tool(string name) => Program(name);

    /// <summary>The tool's path.</summary>
    internal static string Program(string name)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        That(path is not null, $"the tool {name}");
        return path!;
    }

    internal static void That(bool holds, string what)
    {
        if (holds)
            return;
        if (Everything)
            Assert.Fail($"STACKDEPTH_REQUIRE=1, and this machine lacks {what}.");
        Assert.Skip($"This machine lacks {what}.");
    }
}
