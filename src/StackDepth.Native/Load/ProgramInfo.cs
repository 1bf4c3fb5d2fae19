namespace StackDepth.Native.Load;

/// <summary>What the kernel says of a loaded program (<c>struct bpf_prog_info</c>); what an older kernel does not know is 0.</summary>
/// <param name="Id">The kernel's id of the program.</param>
/// <param name="Tag">The tag, 16 hexadecimal digits: a hash of the instructions (SHA-1, since 6.18 SHA-256).</param>
/// <param name="JitedBytes">The size of the machine code, in bytes; 0 without JIT or where it is hidden.</param>
/// <param name="VerifiedInstructions">How many instructions the verifier looked at (5.16).</param>
/// <param name="RunTime">The time spent in it while <see cref="KernelStatistics"/> were on, in nanoseconds.</param>
/// <param name="RunCount">How often it ran while they were on.</param>
/// <param name="RecursionMisses">How often it did not run because it was running already on that CPU (5.12).</param>
internal readonly record struct ProgramInfo(
    uint Id, string Tag, uint JitedBytes, uint VerifiedInstructions, ulong RunTime, ulong RunCount, ulong RecursionMisses)
{
    /// <summary>When it was loaded, in nanoseconds of the kernel's own CLOCK_BOOTTIME (4.15).</summary>
    internal ulong LoadTime { get; init; }
}
