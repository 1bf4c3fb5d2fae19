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

    /// <summary>The kernel of the guest that the tests run in (tests/kernels), such as <c>6.12</c>; null outside.</summary>
    internal static string? Guest => Environment.GetEnvironmentVariable("STACKDEPTH_GUEST");

    /// <summary>A release of Linux. In a guest an older one is no fault: it is there to be older.</summary>
    internal static void Linux(int major, int minor) => KernelHas(
        ProcText.Release(SystemCalls.Real.ReadText("/proc/sys/kernel/osrelease")) >= new Version(major, minor), $"Linux {major}.{minor}", major, minor, alsoOutside: true);

    /// <summary>
    /// Something that kernels since a release can be built with, and Debian's are: in a guest of that release the test fails without it under STACKDEPTH_REQUIRE=1. Other machines are skipped.
    /// </summary>
    internal static void KernelHas(bool holds, string what, int sinceMajor, int sinceMinor, bool alsoOutside = false)
    {
        var mustHave = Guest is null ? alsoOutside : ProcText.Release(SystemCalls.Real.ReadText("/proc/sys/kernel/osrelease")) >= new Version(sinceMajor, sinceMinor);
        if (holds || mustHave)
            That(holds, what);
        else
            Assert.Skip(Guest is null ? $"This machine's kernel lacks {what}: tests/kernels/suite.sh runs the test in guests." : $"The guest's kernel ({Guest}) lacks {what}.");
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
