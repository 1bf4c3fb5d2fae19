using System.ComponentModel;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Ring;

/// <summary>A file descriptor of the poller's, closed once.</summary>
internal sealed class RingDescriptor : SafeHandle
{
    private readonly SystemCalls _sys;

    /// <summary>An owner of nothing yet, so that no failure can come between a descriptor and its owner.</summary>
    internal RingDescriptor(SystemCalls sys)
        : base(-1, ownsHandle: true) => _sys = sys;

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The number. Only for holders of a reference.</summary>
    internal int Fd => (int)handle;

    /// <summary>Owns the descriptor that a call answered with, or throws what it failed with.</summary>
    internal void Own(long result, string call) => SetHandle((nint)Check(result, call));

    /// <summary>Passes on the result of a call, or throws what it failed with.</summary>
    /// <exception cref="Win32Exception">The result is a negated errno.</exception>
    internal static long Check(long result, string call) => result >= 0
        ? result
        : throw new Win32Exception(
            (int)-result,
            $"{call} failed with errno {-result} while waiting for a BPF ring buffer. If it is 24 (EMFILE), raise the limit of open files (ulimit -n); "
            + "if 9 (EBADF), the ring's descriptor was closed before its poller.");

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => _sys.Close(Fd) >= 0;
}
