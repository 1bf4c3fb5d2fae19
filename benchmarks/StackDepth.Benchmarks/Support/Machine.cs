using System.Globalization;
using System.Runtime.InteropServices;

namespace StackDepth.Benchmarks.Support;

/// <summary>Where the figures come from.</summary>
internal static class Machine
{
    internal static string Describe()
    {
        var cpu = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown CPU";
        var hypervisor = File.ReadLines("/proc/cpuinfo").Any(static line => line.StartsWith("flags", StringComparison.Ordinal) && line.Contains(" hypervisor", StringComparison.Ordinal));
        return $"{cpu}, {Environment.ProcessorCount} cores{(hypervisor ? " (a virtual machine)" : "")}, Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, "
            + $"{RuntimeInformation.FrameworkDescription} ({RuntimeInformation.OSArchitecture})";
    }

    /// <summary>When, and how busy the machine was otherwise: a figure from a busy machine is worth less.</summary>
    internal static string RunLine() => string.Create(
        CultureInfo.InvariantCulture, $"Run {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC; load average at the end {File.ReadAllText("/proc/loadavg").Split(' ')[0]}.");
}
