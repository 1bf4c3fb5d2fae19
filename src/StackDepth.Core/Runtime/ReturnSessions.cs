using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Features;

namespace StackDepth.Runtime;

/// <summary>
/// Whether a probe of returns is at the entries too. At user-space functions always, where the kernel has it: a thread that has 64 returns pending loses those beyond, and only the program at
/// the entry can count them; what does not count is left alone at once, too. At functions of the kernel for the time only: there the entry knows of no loss.
/// </summary>
internal static class ReturnSessions
{
    private static readonly Version KprobeSessions = new(6, 10);

    /// <exception cref="ProbeUnavailableException">The query needs it, and this kernel lacks it.</exception>
    internal static SessionTarget? For(IrQuery query, KernelProfile kernel)
    {
        if (!query.Probe.IsReturn)
            return null;
        if (kernel.Architecture != Architecture.X64 && query.Expressions.Any(static expression => expression.Any(static node => node is IrReturnValue)))
            throw new ProbeUnavailableException($"ReturnValue is for x86-64; this is {kernel.Architecture}.", "Leave ReturnValue out of the query.");
        var takesTime = CompileTarget.TakesTime(query);
        if (query.Probe is IrUserReturnProbe)
        {
            return kernel.HasBtf && kernel.Expects(KernelFeatures.UprobeSession) && kernel.Switches.IsEnabled(KernelFeatures.UprobeMulti) && KernelTypes.Session is { } session ? session
                : takesTime ? throw Unavailable("uprobe sessions", KernelFeatureTable.Since(KernelFeatures.UprobeSession), kernel)
                : null;
        }
        if (!takesTime)
            return null;
        return kernel.HasBtf && kernel.Release >= KprobeSessions && kernel.Expects(KernelFeatures.KprobeMulti) && KernelTypes.Session is { } ofKernel ? ofKernel with { Nesting = null }
            : throw Unavailable("kprobe sessions (with CONFIG_FPROBE)", KprobeSessions, kernel);
    }

    private static ProbeUnavailableException Unavailable(string feature, Version since, KernelProfile kernel) => new(
        $"Elapsed needs {feature}, of Linux {since} with type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF); this is {kernel.Release}{(kernel.HasBtf ? "" : ", without the type information")}.",
        "Leave Elapsed out of the query, and select Timestamp at Probe.UProbe (or KProbe) and at the return; or use a newer kernel.");
}
