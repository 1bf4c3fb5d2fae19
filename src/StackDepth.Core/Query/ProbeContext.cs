using StackDepth.Ir;
using StackDepth.Runtime;

#pragma warning disable CA1822 // The members are symbolic and read no instance; they belong to it all the same: s => s.Pid.

namespace StackDepth;

/// <summary>What a probe knows when it is hit. All members are symbolic: they name values, they do not read them.</summary>
public class ProbeContext
{
    private protected ProbeContext()
    {
    }

    internal static ProbeContext Any { get; } = new();

    /// <summary>The process id (thread group id) of the thread that hit the probe.</summary>
    public Expr<int> Pid => new(new IrContext(ContextField.Pid, IrType.Int32));

    /// <summary>The thread id of the thread that hit the probe.</summary>
    public Expr<int> Tid => new(new IrContext(ContextField.Tid, IrType.Int32));

    /// <summary>The user id of the thread that hit the probe, as the initial user namespace has it.</summary>
    public Expr<uint> Uid => new(new IrContext(ContextField.Uid, IrType.UInt32));

    /// <summary>The group id of the thread that hit the probe, as the initial user namespace has it.</summary>
    public Expr<uint> Gid => new(new IrContext(ContextField.Gid, IrType.UInt32));

    /// <summary>The number of the CPU on which the probe was hit.</summary>
    public Expr<int> Cpu => new(new IrContext(ContextField.Cpu, IrType.Int32));

    /// <summary>The id of the thread's cgroup in the hierarchy of version 2: the inode number of its folder in <c>/sys/fs/cgroup</c>. Needs Linux 4.18.</summary>
    public Expr<ulong> CgroupId => new(new IrContext(ContextField.CgroupId, IrType.UInt64));

    /// <summary>
    /// Whether the thread is in a cgroup of the hierarchy of version 2, or in one below it. The folder is looked up when the query is attached, and means the cgroup that it is of then.
    /// </summary>
    /// <param name="path">The cgroup's folder: <c>/sys/fs/cgroup/system.slice</c>, or below the hierarchy's mount, <c>system.slice</c>; empty for the root. Attaching throws <see cref="ProbeTargetNotFoundException"/> where there is none.</param>
    public Expr<bool> InCgroup(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Contains('\0', StringComparison.Ordinal) ? throw new ArgumentException("A path has no NUL in it.", nameof(path)) : new(new IrInCgroup(path));
    }

    /// <summary>The thread's name (<c>comm</c>): at most 15 bytes, and not always the process's name.</summary>
    public Expr<string> Comm => new(new IrContext(ContextField.Comm, IrType.Text));

    /// <summary>The function whose probe was hit. Needs Linux 5.15.</summary>
    public Expr<ProbeFunction> Function => new(new IrContext(ContextField.Function, IrType.Function));

    /// <summary>The time of the hit, in nanoseconds of <c>CLOCK_MONOTONIC</c>.</summary>
    public Expr<long> Timestamp => new(new IrContext(ContextField.Timestamp, IrType.Int64));

    /// <summary>The user stack of the thread that hit the probe. It is walked once per hit, however often the query mentions it.</summary>
    public StackExpr UStack => new(new IrStack(StackKind.User));

    /// <summary>The kernel stack of the thread that hit the probe. Under a user-space probe it is the way into the kernel that the probe's trap took. Needs Linux 5.11.</summary>
    public StackExpr KStack => new(new IrStack(StackKind.Kernel));

    /// <summary>
    /// The frames of Python code of the thread that hit the probe, from the structures of CPython 3.9 to 3.14 themselves. Needs Linux 5.17, BTF, and x86-64.
    /// </summary>
    public PythonExpr Python => default;

    /// <summary>
    /// How many activations of the probed function are live on the thread that hit the probe, this one included: 1 at the outermost entry. Counted by the stack pointers at the function's
    /// entries, so that returns, longjmp, exceptions and tail calls all end an activation, and no return probe is needed. Only entries that the probe saw are counted: where others may be
    /// live (a thread older than the session, a fork in mid-recursion) the count is a lower bound, and <see cref="RecursionCompleteness"/> says so; with <c>RunAsync</c> all are seen.
    /// On a signal's alternate stack the activations on the interrupted stack count too; on a coroutine's stack the count is approximate. Activations on the stacks of coroutines that are
    /// suspended are not counted. Needs Linux 5.17, BTF and x86-64, and probes at functions' entries; several functions at once need nothing more.
    /// </summary>
    public Expr<int> Recursion => new(new IrStackLength(new(StackKind.Recursion)));

    /// <summary>What <see cref="Recursion"/> promises.</summary>
    public Expr<Completeness> RecursionCompleteness => new(new IrStackCompleteness(new(StackKind.Recursion)));

    /// <summary>Why <see cref="Recursion"/> is not complete; <see cref="StackReason.None"/> where it is.</summary>
    public Expr<StackReason> RecursionReason => new(new IrStackReason(new(StackKind.Recursion)));

    /// <summary>Whether a text of so many bytes can be taken.</summary>
    private protected static void CheckLength(int maxBytes, string method, object which)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        if (maxBytes > IrMemoryText.MostBytes)
            throw new ProbeQueryException($"{method}({which}, {maxBytes}): a BPF program's stack of 512 bytes has room for texts of at most {IrMemoryText.MostBytes} bytes. Take the first {IrMemoryText.MostBytes}.");
    }
}

/// <summary>The context at a function's entry.</summary>
public class EntryContext : ProbeContext
{
    internal EntryContext()
    {
    }

    internal static EntryContext Instance { get; } = new();

    /// <summary>
    /// An argument of the probed function: an integer or a pointer, by the registers in which the calling convention passes the first six of these (x86-64). All 64 bits are as the caller left
    /// them, and above an <c>int</c> that can be anything: write <c>s.Arg(0).ToInt32()</c>. Floating-point arguments are not counted, and structures can take two places or none.
    /// </summary>
    /// <param name="index">From 0 to 5.</param>
    /// <exception cref="ProbeQueryException">There is no such argument in a register.</exception>
    public Expr<long> Arg(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return index < IrArgument.InRegisters ? new(new IrArgument(index))
            : throw new ProbeQueryException($"Arg({index}): only the first {IrArgument.InRegisters} integer arguments come in registers, Arg(0) to Arg({IrArgument.InRegisters - 1}); the others lie on the stack.");
    }

    /// <summary>
    /// The text that an argument points to, up to its NUL. One that is longer is cut, and ends in an ellipsis (<c>…</c>) where it is delivered; comparisons see the bytes that were taken, and a text that was
    /// cut equals none. Bytes that are no UTF-8 are delivered as replacement characters. A text that cannot be read (a null pointer, or a page that is not in memory at that moment: nothing is paged in) is counted in
    /// <see cref="ProbeHealth.ReadErrors"/>, and the hit is in no result. Needs Linux 5.5.
    /// </summary>
    /// <param name="index">The argument, as in <see cref="Arg"/>.</param>
    /// <param name="maxBytes">How many bytes of the text are taken: from 1 to 128.</param>
    /// <exception cref="ProbeQueryException">There is no such argument in a register, or so long a text does not fit.</exception>
    public Expr<string> ArgString(int index, int maxBytes = 64)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        if (index >= IrArgument.InRegisters)
            throw new ProbeQueryException($"ArgString({index}): only the first {IrArgument.InRegisters} integer arguments come in registers, ArgString(0) to ArgString({IrArgument.InRegisters - 1}); the others lie on the stack.");
        CheckLength(maxBytes, "ArgString", index);
        return new(new IrArgumentText(index, maxBytes));
    }
}

/// <summary>A stack, symbolically.</summary>
public readonly struct StackExpr
{
    private readonly IrStack _stack;

    internal StackExpr(IrStack stack) => _stack = stack;

    /// <summary>
    /// The number of physical frames that the walk found: the probed function is frame 1, then its callers. Inlined and tail-called functions have no frame. A walk that
    /// failed gives no length: the hit is counted in <see cref="ProbeHealth.StackErrors"/> and is in no result. A comparison that an incomplete stack leaves open is counted in
    /// <see cref="ProbeHealth.Undecided"/>, and such a hit is in no result either; only depths by <see cref="StackWalk.Kernel"/> are compared as they are.
    /// </summary>
    public Expr<int> Length => new(new IrStackLength(_stack));

    /// <summary>
    /// How many of the frames lie in functions that are named so, each counted with its seldom-run part that the compiler put elsewhere (<c>name.cold</c>) and the copies that it
    /// made for some callers (<c>name.constprop.0</c>). A recursive function is counted once for each of its frames. What <see cref="Completeness"/> says holds of this number too:
    /// on a truncated or broken stack it is a lower bound.
    /// </summary>
    /// <param name="symbols">
    /// Names as in the symbol table, or globs (<c>*</c>, <c>?</c>, <c>[a-z]</c>); of every file, or behind a file's name (<c>libpython3.11!PyObject_*</c>). One without a file's name
    /// must be in the probed file, or in one that it, or the command, is known to load: attaching refuses it otherwise.
    /// </param>
    /// <exception cref="ProbeQueryException">The names are missing or malformed, or the stack is the kernel's.</exception>
    public Expr<int> CountOf(params ReadOnlySpan<string> symbols)
    {
        if (_stack.Kind == StackKind.Kernel)
            throw new ProbeQueryException("KStack.CountOf: frames are counted by function in user stacks only.");
        if (symbols.IsEmpty)
            throw new ProbeQueryException("CountOf needs the name of a function, or several.");
        foreach (var symbol in symbols)
            CountedFunctions.Check(symbol);
        return new(new IrStackCountOf(_stack, new([.. symbols])));
    }

    /// <summary>
    /// The stack itself: each frame with its address and name, as a value of a stream, or as a key. As a key, stacks are the same where all their frames are, by address, in the same process; stacks of the
    /// kernel in all processes. The kernel keeps each stack once, in room for <see cref="AttachOptions.MaxKeys"/> times four blocks of eight frames (frames that repeat by recursion take none); a hit whose
    /// stack finds no room is counted in <see cref="ProbeHealth.KeysLost"/> and is in no result. Of a stack of more than 4,096 frames the innermost 2,048 are delivered, and the outermost. The frames are found by a
    /// walk of their own, which says for itself what it promises (<see cref="CallStack.Reason"/>) and is counted in the health. Needs Linux 5.12.
    /// </summary>
    /// <exception cref="ProbeQueryException">The frames are those of something else than a user or kernel stack.</exception>
    public Expr<CallStack> Frames => new(new IrStackFrames(_stack with { Frames = new() }));

    /// <summary>The innermost <paramref name="count"/> frames, the probed function first: <see cref="Frames"/>, cut. That there are more is no loss, and <see cref="CallStack.Reason"/> says it; <see cref="Length"/> stays that of the whole stack.</summary>
    /// <param name="count">How many frames.</param>
    public Expr<CallStack> Take(int count) => Frames.Take(count);

    /// <summary>The stack without its innermost <paramref name="count"/> frames: with 1, the callers of the probed function.</summary>
    /// <param name="count">How many frames are left out.</param>
    public Expr<CallStack> Skip(int count) => Frames.Skip(count);

    /// <summary>The stack itself: <see cref="Frames"/>.</summary>
    public static implicit operator Expr<CallStack>(StackExpr stack) => stack.Frames;

    /// <summary>What <see cref="Length"/> promises.</summary>
    public Expr<Completeness> Completeness => new(new IrStackCompleteness(_stack));

    /// <summary>Whether the outermost frame was reached, and proved, so that <see cref="Length"/> is the true depth.</summary>
    public Expr<bool> IsComplete => Completeness == StackDepth.Completeness.Complete;

    /// <summary>Whether a limit cut the walk, so that <see cref="Length"/> is a lower bound.</summary>
    public Expr<bool> IsTruncated => Completeness == StackDepth.Completeness.Truncated;

    /// <summary>Why the stack is not complete; <see cref="StackReason.None"/> where it is.</summary>
    public Expr<StackReason> Reason => new(new IrStackReason(_stack));

    /// <summary>
    /// How many bytes of the stack are in use at the probe: from the stack pointer to the end of the memory that the stack lies in. That is the thread's own stack (of a process's first thread
    /// with its arguments and environment, of another one with its control block and thread-local variables), or the signal's alternate stack that the thread runs on. Any other memory (a
    /// coroutine's stack) is answered by its mapping, as <see cref="StackDepth.Completeness.Approximate"/>. Nothing is walked and no frame pointers are needed. Needs Linux 5.17, BTF and x86-64.
    /// </summary>
    /// <exception cref="ProbeQueryException">The stack is the kernel's.</exception>
    public Expr<long> Bytes => new(new IrStackBytes(Region(nameof(Bytes)), Free: false));

    /// <summary>
    /// How many bytes are left below the stack pointer, down to the stack's limit: for a process's first thread the soft RLIMIT_STACK as it is at the hit (<see cref="long.MaxValue"/> where it is
    /// unlimited), for another one the start of the mapping, above its guard, for a signal's alternate stack its start. A guard that lies within the mapping (glibc 2.42 and newer) counts as
    /// free. As <see cref="Bytes"/>.
    /// </summary>
    /// <exception cref="ProbeQueryException">The stack is the kernel's.</exception>
    public Expr<long> BytesFree => new(new IrStackBytes(Region(nameof(BytesFree)), Free: true));

    /// <summary>What <see cref="Bytes"/> and <see cref="BytesFree"/> promise.</summary>
    /// <exception cref="ProbeQueryException">The stack is the kernel's.</exception>
    public Expr<Completeness> BytesCompleteness => new(new IrStackCompleteness(Region(nameof(BytesCompleteness))));

    /// <summary>Why <see cref="Bytes"/> and <see cref="BytesFree"/> are not complete; <see cref="StackReason.None"/> where they are.</summary>
    /// <exception cref="ProbeQueryException">The stack is the kernel's.</exception>
    public Expr<StackReason> BytesReason => new(new IrStackReason(Region(nameof(BytesReason))));

    /// <summary>
    /// The same stack by another walk than <see cref="AttachOptions.Walk"/>. A query can ask for several walks of one stack: each is done once at a hit, and its stacks are
    /// counted in the health for themselves.
    /// </summary>
    /// <exception cref="ProbeQueryException">The kernel's stack can be walked by the kernel only.</exception>
    public StackExpr By(StackWalk walk)
    {
        if (walk is < StackWalk.Auto or > StackWalk.Kernel)
            throw new ArgumentOutOfRangeException(nameof(walk), walk, "There is no such walk.");
        if (_stack.Kind == StackKind.Kernel && walk != StackWalk.Kernel)
            throw new ProbeQueryException($"KStack.By({walk}): kernel stacks are walked by the kernel only. Leave By away.");
        return new(_stack with { Walk = walk });
    }

    /// <summary>The memory of the user stack: it is the same whatever the walk.</summary>
    private IrStack Region(string member) => _stack.Kind == StackKind.User ? new(StackKind.Region)
        : throw new ProbeQueryException($"KStack.{member}: only user stacks have their bytes counted. A kernel stack has a fixed size, of which a probe in user space sees the start only. Use UStack.{member}.");
}
