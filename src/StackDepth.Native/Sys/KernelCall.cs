namespace StackDepth.Native.Sys;

/// <summary>
/// Calls through <see cref="SystemCalls"/> with the one retry policy of the library. EINTR: the call had no effect, so it is made again. EAGAIN from
/// BPF_PROG_LOAD: the verifier gave up because a signal was pending (the .NET runtime suspends threads by signals), so it is made again. Both are bounded: a
/// process under a storm of signals gets the errno. Everything else is an answer.
/// </summary>
internal static unsafe class KernelCall
{
    internal const int MaxInterrupted = 100;
    internal const int MaxLoadAttempts = 30;

    /// <summary><c>bpf(2)</c>: a value that is not negative, or a negated errno. The attribute keeps what the kernel wrote at the last attempt.</summary>
    internal static long Bpf<T>(SystemCalls sys, BpfCommand command, ref T attribute)
        where T : unmanaged
    {
        // Commands with in-out fields overwrite them even when they fail: every attempt starts from what the caller asked.
        var asked = attribute;
        for (int interrupted = 0, again = 0; ;)
        {
            attribute = asked;
            long result;
            fixed (T* pointer = &attribute)
            {
                result = sys.Bpf(command, pointer, (uint)sizeof(T));
            }

            var retry = -result switch
            {
                (long)Errno.EINTR => ++interrupted < MaxInterrupted,
                (long)Errno.EAGAIN => command == BpfCommand.ProgLoad && ++again < MaxLoadAttempts,
                _ => false,
            };
            if (!retry)
            {
                return result;
            }
        }
    }

    /// <summary>A command that answers a new descriptor; null with the errno when it fails.</summary>
    internal static FileDescriptor? BpfDescriptor<T>(SystemCalls sys, BpfCommand command, ref T attribute, out Errno errno)
        where T : unmanaged
    {
        var descriptor = new FileDescriptor(sys);
        return Own(descriptor, Bpf(sys, command, ref attribute), out errno);
    }

    /// <summary><c>perf_event_open(2)</c> with close-on-exec; null with the errno when it fails.</summary>
    internal static FileDescriptor? PerfEvent(SystemCalls sys, ref PerfEventAttribute attribute, int pid, int cpu, out Errno errno)
    {
        var descriptor = new FileDescriptor(sys);
        attribute.Size = (uint)sizeof(PerfEventAttribute);
        for (var interrupted = 0; ;)
        {
            long result;
            fixed (PerfEventAttribute* pointer = &attribute)
            {
                result = sys.PerfEventOpen(pointer, pid, cpu, -1, PerfEventAttribute.CloseOnExec);
            }

            if (result != -(long)Errno.EINTR || ++interrupted >= MaxInterrupted)
            {
                return Own(descriptor, result, out errno);
            }
        }
    }

    private static FileDescriptor? Own(FileDescriptor descriptor, long result, out Errno errno)
    {
        if (result < 0)
        {
            errno = (Errno)(-result);
            descriptor.Dispose();
            return null;
        }

        descriptor.Take(result);
        errno = Errno.None;
        return descriptor;
    }
}
