using System.Collections.Immutable;

namespace StackDepth.Native.Kernel;

/// <summary>A function of the running kernel.</summary>
/// <param name="Name">Its name as /proc/kallsyms has it.</param>
/// <param name="Address">Where it begins; 0 where the kernel hides its addresses.</param>
/// <param name="Module">The module that it belongs to; null for the kernel itself.</param>
/// <param name="IsTraceable">Whether ftrace can trace it, which kprobe_multi and fentry need; null where that is not known.</param>
internal readonly record struct KernelFunction(string Name, ulong Address = 0, string? Module = null, bool? IsTraceable = null);

/// <summary>The functions that a text means.</summary>
/// <param name="Functions">The functions, each address once.</param>
/// <param name="Offset">Bytes from the start of the function to the instruction that is meant; 0 for functions.</param>
/// <param name="LeftOut">How many more match a glob and cannot be probed.</param>
internal sealed record KernelFunctionMatch(ImmutableArray<KernelFunction> Functions, ulong Offset, int LeftOut);

/// <summary>What functions are looked for.</summary>
internal enum KernelProbeKind
{
    /// <summary>For kprobes, by breakpoint or ftrace.</summary>
    Kprobe,

    /// <summary>For fentry and fexit, by ftrace alone.</summary>
    Tracing,
}
