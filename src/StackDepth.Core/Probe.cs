using StackDepth.Ir;

namespace StackDepth;

/// <summary>
/// Where queries begin. Everything here only describes: no file is opened, no system call is made and no privilege is needed before a query is attached, run, observed
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
}
