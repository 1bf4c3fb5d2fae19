namespace StackDepth.Native.Sys;

/// <summary>The kernel refused a call. The message says what was tried, what the kernel answered, and what to do; <see cref="KernelErrors"/> makes them all.</summary>
internal class KernelException : Exception
{
    internal KernelException(string message, Errno errno, string operation, string remedy, Exception? inner = null)
        : base(message, inner)
    {
        Errno = errno;
        Operation = operation;
        Remedy = remedy;
    }

    /// <summary>What the kernel answered.</summary>
    internal Errno Errno { get; }

    /// <summary>What was tried, such as <c>create a BPF map</c>.</summary>
    internal string Operation { get; }

    /// <summary>What to do about it, as one or more sentences; also part of the message.</summary>
    internal string Remedy { get; }
}
