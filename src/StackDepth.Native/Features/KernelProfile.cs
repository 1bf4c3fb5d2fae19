using System.Runtime.InteropServices;
using StackDepth.Native.Btf;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Features;

/// <summary>
/// The facts of a kernel that a compiled query depends on. Inert and comparable by value: a profile can be written down in a test for a kernel that is not here.
/// </summary>
internal sealed record KernelProfile
{
    /// <summary>PERF_MAX_STACK_DEPTH, the kernel's own default.</summary>
    internal const int DefaultMaxStackFrames = 127;

    public required Version Release { get; init; }

    public Architecture Architecture { get; init; } = Architecture.X64;

    /// <summary>How many values an entry of a per-CPU map has.</summary>
    public int PossibleCpus { get; init; } = 1;

    /// <summary>kernel.perf_event_max_stack: the most frames that bpf_get_stack stores.</summary>
    public int MaxStackFrames { get; init; } = DefaultMaxStackFrames;

    /// <summary>Whether the kernel describes its types in /sys/kernel/btf/vmlinux.</summary>
    public bool HasBtf { get; init; }

    public FeatureSwitches Switches { get; init; }

    /// <summary>kernel.perf_event_max_stack as it is now.</summary>
    internal static int ReadMaxStackFrames(SystemCalls sys) =>
        ProcText.Number(sys.ReadText("/proc/sys/kernel/perf_event_max_stack")) is > 0 and var frames ? frames : DefaultMaxStackFrames;

    /// <summary>Whether a feature is to be expected: not switched off, and the release is not older than it. Only the real call knows.</summary>
    internal bool Expects(KernelFeatures feature) => Switches.IsEnabled(feature) && Release >= KernelFeatureTable.Since(feature);

    /// <summary>Reads the profile of this machine from a few small files, without any call of bpf(2) and without privileges.</summary>
    /// <exception cref="InvalidOperationException">/proc or /sys is not mounted.</exception>
    /// <exception cref="ArgumentException">STACKDEPTH_DISABLE names an unknown feature.</exception>
    internal static KernelProfile Detect(SystemCalls sys) => new()
    {
        Release = ProcText.Release(sys.ReadText("/proc/sys/kernel/osrelease"))
            ?? throw new InvalidOperationException("The kernel's release could not be read from /proc/sys/kernel/osrelease: mount procfs at /proc."),
        Architecture = RuntimeInformation.ProcessArchitecture,
        PossibleCpus = CpuTopology.PossibleCpus(sys),
        MaxStackFrames = ReadMaxStackFrames(sys),
        HasBtf = sys.FileExists(VmlinuxBtf.DefaultPath),
        Switches = FeatureSwitches.FromEnvironment(),
    };
}
