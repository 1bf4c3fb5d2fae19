using System.Runtime.InteropServices;
using StackDepth.Native.Sys;
using StackDepth.Native.Threads;

namespace StackDepth.Runtime.Threads;

/// <summary>Loading the iterators' programs takes longer than looking at a hundred threads: one reader is kept for the next call. Calls at the same time have one each.</summary>
internal static class ThreadReaders
{
    private static ThreadReader? s_kept;

    /// <exception cref="ProbeUnavailableException">This is no machine for it.</exception>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static ThreadReader Take(SystemCalls sys) => Taken(sys) ?? Load(sys);

    /// <summary>Gives back a reader that worked to its end.</summary>
    internal static void Return(ThreadReader reader, SystemCalls sys)
    {
        if (sys != SystemCalls.Real || Interlocked.CompareExchange(ref s_kept, reader, null) is not null)
            reader.Dispose();
    }

    // What a test makes the kernel say is not to be answered by a reader that was made without it.
    private static ThreadReader? Taken(SystemCalls sys) => sys == SystemCalls.Real ? Interlocked.Exchange(ref s_kept, null) : null;

    private static ThreadReader Load(SystemCalls sys)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new ProbeUnavailableException(
                $"The stacks of threads are walked on x86-64 only, and this is {RuntimeInformation.ProcessArchitecture}.", "Attach a probe instead: StackWalk.Kernel works on other machines.");
        }
        try
        {
            return KernelTypes.Fields is { } kernel && KernelTypes.Threads is { } threads ? new(kernel, threads, sys) : throw Unavailable("The kernel does not describe its types.", null);
        }
        catch (InvalidDataException incomplete)
        {
            throw Unavailable(incomplete.Message, incomplete);
        }
    }

    private static ProbeUnavailableException Unavailable(string why, Exception? inner) => new(
        $"The threads cannot be looked at: {why} It takes BPF iterators over tasks and their mappings, and /sys/kernel/btf/vmlinux.",
        "Use Linux 6.1 or newer, built with CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_SYSCALL, as distributions build it.", inner);
}
