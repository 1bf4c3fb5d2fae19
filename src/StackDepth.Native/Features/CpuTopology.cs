using StackDepth.Native.Sys;

namespace StackDepth.Native.Features;

/// <summary>The CPUs that the kernel may ever have and those that it runs on now.</summary>
internal static class CpuTopology
{
    /// <summary>The number of possible CPUs, which is the number of values in an entry of a per-CPU map.</summary>
    /// <exception cref="InvalidOperationException">/sys does not say: guessing would let the kernel write past a buffer.</exception>
    internal static int PossibleCpus(SystemCalls sys)
    {
        const string path = "/sys/devices/system/cpu/possible";
        return ProcText.CpuList(sys.ReadText(path))?.Count
            ?? throw new InvalidOperationException($"The number of possible CPUs could not be read from {path}: mount sysfs at /sys.");
    }

    /// <summary>A CPU that is online: CPU 0 can be off.</summary>
    internal static int AnOnlineCpu(SystemCalls sys) => OnlineCpus(sys)[0];

    /// <summary>The CPUs that are online, at least one.</summary>
    internal static List<int> OnlineCpus(SystemCalls sys) => ProcText.Cpus(sys.ReadText("/sys/devices/system/cpu/online")) ?? [0];
}
