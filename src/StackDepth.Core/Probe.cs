using StackDepth.Ir;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Runtime.Threads;

namespace StackDepth;

/// <summary>
/// Where queries begin. The probes here only describe: no file is opened, no system call is made and no privilege is needed before a query is attached, run, observed
/// or explained. <see cref="WarmUp"/> and <see cref="Threads"/> are no queries, and act at once.
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
    /// Gets what the first uprobes of a quiet machine wait for over with, on a thread of its own, and returns at once: a grace period of the kernel, 4 to 16 ms. For programs that know
    /// at their start that they are about to attach: called before they read their arguments, they attach that much sooner. It leaves nothing behind; without the privileges for
    /// uprobes, or before Linux 6.6, it does nothing.
    /// </summary>
    public static void WarmUp() => new Thread(static () => UprobeGracePeriod.Pass(SystemCalls.Real)) { IsBackground = true, Name = "StackDepth warm-up" }.Start();

    /// <summary>
    /// How deep the stacks of all threads are now, or of those of one process: no probe is attached, and nothing is stopped. The answer for a thread is of one moment, at which it waited; of a thread that ran all the while it
    /// says so (<see cref="StackReason.Running"/>). User stacks are walked by unwind rows (<see cref="StackWalk.Unwind"/>). Threads that are exiting are left out.
    /// </summary>
    /// <remarks>
    /// Needs Linux 6.1, BTF and x86-64; CAP_BPF and CAP_PERFMON, and for processes of other users CAP_SYS_PTRACE and CAP_SYS_ADMIN (or CAP_CHECKPOINT_RESTORE), without which their stacks are broken with a reason. The first call
    /// loads two small programs into the kernel and the unwind rows of the files that it meets; both are kept for later calls. May be called from any thread.
    /// </remarks>
    /// <param name="pid">The process, as this process's pid namespace has it; null for all threads of that namespace.</param>
    /// <param name="options">How to look at them.</param>
    /// <returns>The threads, by process and thread id.</returns>
    /// <exception cref="ProbeUnavailableException">The kernel or a missing privilege does not allow it; the message and <see cref="ProbeUnavailableException.Remedy"/> say what to do.</exception>
    /// <exception cref="ProbeTargetNotFoundException">There is no such process.</exception>
    public static IReadOnlyList<ThreadDepth> Threads(int? pid = null, ThreadOptions? options = null)
    {
        if (pid is { } number)
            ArgumentOutOfRangeException.ThrowIfLessThan(number, 1, nameof(pid));
        return ThreadCall.Run(pid, options ?? new());
    }
}
