using StackDepth.Ir;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;

namespace StackDepth;

/// <summary>
/// Where queries begin. Everything here but <see cref="WarmUp"/> only describes: no file is opened, no system call is made and no privilege is needed before a query is attached, run, observed
/// or explained.
/// </summary>
public static class Probe
{
    /// <summary>
    /// A probe at the entry of user-space functions. Needs Linux 5.15; CAP_BPF and CAP_PERFMON (with Linux 6.6 or newer), else CAP_SYS_ADMIN.
    /// </summary>
    /// <param name="binary">
    /// A path, a program's name (looked up through <c>PATH</c>) or a shared library's name (<c>libc.so.6</c>). A launcher whose code lives in a library it needs, as
    /// python3 often is, stands for that library.
    /// </param>
    /// <param name="symbols">A function's name, a glob (<c>*</c>, <c>?</c>, <c>[a-z]</c>), <c>symbol+offset</c>, or an address in the file (<c>0x1234</c>).</param>
    public static ProbeSource<EntryContext> UProbe(string binary, string symbols)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(binary);
        ArgumentException.ThrowIfNullOrWhiteSpace(symbols);
        return new(EntryContext.Instance, new IrProbe(binary, symbols), []);
    }

    /// <summary>
    /// Gets what the first uprobes of a quiet machine wait for over with, on a thread of its own, and returns at once: a grace period of the kernel, 8 to 16 ms. For programs that know
    /// at their start that they are about to attach: called before they read their arguments, they attach that much sooner. It leaves nothing behind; without the privileges for
    /// uprobes, or before Linux 6.6, it does nothing.
    /// </summary>
    public static void WarmUp() => new Thread(static () => UprobeGracePeriod.Pass(SystemCalls.Real)) { IsBackground = true, Name = "StackDepth warm-up" }.Start();
}
