using StackDepth.Ir;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Runtime.Threads;

namespace StackDepth;

/// <summary>
/// Where queries begin. The probes here only describe: no file is opened, no system call is made and no privilege is needed before a query is attached, run, observed
/// or explained. <see cref="WarmUp"/> and <see cref="Threads"/> are no queries, and act at once.
/// </summary>
public static partial class Probe
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
        return new(EntryContext.Instance, new IrUserProbe(binary, symbols), []);
    }

    /// <summary>
    /// A probe at the entry of functions of the kernel. Needs a kernel with kprobes; CAP_BPF and CAP_PERFMON (kprobe_multi, Linux 5.18), else CAP_SYS_ADMIN. Which process was hit is told apart by the program.
    /// </summary>
    /// <param name="symbols">A function's name, a glob (<c>*</c>, <c>?</c>, <c>[a-z]</c>), <c>symbol+offset</c>, or an address (<c>0xffffffff81234567</c>); with <c>module:</c> before it, of that module.</param>
    public static ProbeSource<EntryContext> KProbe(string symbols)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(symbols);
        return new(EntryContext.Instance, new IrKernelProbe(symbols), []);
    }

    /// <summary>
    /// A probe at the returns of user-space functions, of those calls that were made while it was in place. Needs Linux 5.15, and x86-64 for <see cref="ReturnContext.ReturnValue"/>; CAP_BPF and
    /// CAP_PERFMON (with Linux 6.6 or newer), else CAP_SYS_ADMIN.
    /// </summary>
    /// <remarks>
    /// The kernel replaces return addresses on the stack while the calls last. Code that moves its stacks or reads return addresses does not bear that: Go programs crash. Of one thread, the
    /// kernel reports at most 64 returns that are pending at once, of all tools together; with Linux 6.13 those beyond are counted in <see cref="ProbeHealth.Missed"/>, before it nobody knows of them.
    /// A call that longjmp or an exception ends does not return, and is no hit.
    /// </remarks>
    /// <param name="binary">As of <see cref="UProbe"/>.</param>
    /// <param name="symbols">A function's name, or a glob (<c>*</c>, <c>?</c>, <c>[a-z]</c>).</param>
    public static ProbeSource<ReturnContext> URetProbe(string binary, string symbols)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(binary);
        ArgumentException.ThrowIfNullOrWhiteSpace(symbols);
        return new(ReturnContext.Instance, new IrUserReturnProbe(binary, symbols), []);
    }

    /// <summary>
    /// A probe at the returns of functions of the kernel. As <see cref="KProbe"/>; the function has no frame any more, so <see cref="ProbeContext.KStack"/> begins with its caller.
    /// </summary>
    /// <param name="symbols">A function's name, a glob (<c>*</c>, <c>?</c>, <c>[a-z]</c>), or its address; with <c>module:</c> before it, of that module.</param>
    public static ProbeSource<ReturnContext> KRetProbe(string symbols)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(symbols);
        return new(ReturnContext.Instance, new IrKernelReturnProbe(symbols), []);
    }

    /// <summary>
    /// A probe at tracepoints of the kernel, with their fields by name. Needs tracefs to be mounted, CAP_BPF and CAP_PERFMON. User stacks are those with which the thread entered the kernel.
    /// </summary>
    /// <param name="category">The subsystem, <c>sched</c>; or a glob.</param>
    /// <param name="name">The tracepoint, <c>sched_switch</c>; or a glob.</param>
    public static ProbeSource<TypedContext> Tracepoint(string category, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(category);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(TypedContext.Instance, new IrTracepoint(category, name), []);
    }

    /// <summary>
    /// A probe at a raw tracepoint of the kernel: the arguments of the tracepoint itself by name, and what they point to, where a tracepoint has the fields of a record made of them. Needs Linux 5.10 and the kernel's
    /// type information; CAP_BPF and CAP_PERFMON. Also those tracepoints that have no record. Kernel stacks begin with the frames that call the program.
    /// </summary>
    /// <param name="name">The tracepoint, without its category: <c>sched_switch</c>.</param>
    public static ProbeSource<TypedContext> RawTracepoint(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(TypedContext.Instance, new IrRawTracepoint(name), []);
    }

    /// <summary>
    /// A probe at the entry of a function of the kernel without a breakpoint, with its arguments by name, and what they point to. Needs Linux 5.10 and the kernel's type information; CAP_BPF and CAP_PERFMON.
    /// Kernel stacks begin with the frames that call the program.
    /// </summary>
    /// <param name="function">The function's name. <see cref="KProbe"/> takes several.</param>
    public static ProbeSource<TypedContext> FEntry(string function)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(function);
        return new(TypedContext.Instance, new IrTracing(function, IsExit: false), []);
    }

    /// <summary>A probe at the exit of a function of the kernel: as <see cref="FEntry"/>, with what the function returns. The arguments are as they were at its entry; what they point to is as it is at the exit.</summary>
    /// <param name="function">The function's name.</param>
    public static ProbeSource<TypedReturnContext> FExit(string function)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(function);
        return new(TypedReturnContext.Instance, new IrTracing(function, IsExit: true), []);
    }

    /// <summary>
    /// A probe at places that a program's authors have marked, with the arguments that they give there (USDT, <c>sys/sdt.h</c>). Where the program asks by a semaphore whether somebody listens, it is told so for as long as the
    /// probe is attached. Needs Linux 5.15; CAP_BPF and CAP_PERFMON (with Linux 6.6 or newer), else CAP_SYS_ADMIN.
    /// </summary>
    /// <param name="binary">As of <see cref="UProbe"/>.</param>
    /// <param name="provider">Such as <c>python</c>; or a glob.</param>
    /// <param name="name">Such as <c>function__entry</c>; or a glob.</param>
    public static ProbeSource<UsdtContext> Usdt(string binary, string provider, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(binary);
        ArgumentException.ThrowIfNullOrWhiteSpace(provider);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(UsdtContext.Instance, new IrUsdtProbe(binary, provider, name), []);
    }

    /// <summary>
    /// Samples what all CPUs run, idle ones too: <paramref name="hertz"/> times a second on each CPU. Needs CAP_BPF and CAP_PERFMON. A sample of user code has no kernel stack, and a thread of the kernel has no user stack: such
    /// hits are counted in <see cref="ProbeHealth.StackErrors"/>. The kernel does not count samples that fall into another BPF program's run.
    /// </summary>
    /// <param name="hertz">How often; the kernel allows at most <c>kernel.perf_event_max_sample_rate</c>.</param>
    public static ProbeSource<ProbeContext> Profile(int hertz)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(hertz);
        return new(ProbeContext.Any, new IrProfile(hertz), []);
    }

    /// <summary>
    /// One hit in each <paramref name="period"/>, on one CPU: a clock. Process, thread and stacks are those of whatever that CPU runs just then, its idle task included; to sample what runs, use <see cref="Profile"/>. Needs CAP_BPF and CAP_PERFMON.
    /// </summary>
    /// <param name="period">How long from one hit to the next: 10 microseconds at least.</param>
    public static ProbeSource<ProbeContext> Interval(TimeSpan period)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(period, TimeSpan.FromMicroseconds(10));
        return new(ProbeContext.Any, new IrInterval(period), []);
    }

    /// <summary>A probe at every <paramref name="period"/>-th occurrence of a software event of perf (<c>page-faults</c>, <c>context-switches</c>, <c>cpu-migrations</c>, ...) on each CPU. Needs CAP_BPF and CAP_PERFMON.</summary>
    /// <param name="name">The event, as perf writes it.</param>
    /// <param name="period">How many occurrences make a hit.</param>
    public static ProbeSource<ProbeContext> SoftwareEvent(string name, long period = 1)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(period);
        return new(ProbeContext.Any, new IrSoftwareEvent(name, period), []);
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
