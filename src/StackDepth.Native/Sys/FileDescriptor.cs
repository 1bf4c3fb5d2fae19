using System.Runtime.InteropServices;

namespace StackDepth.Native.Sys;

/// <summary>
/// An owned file descriptor, closed once through the <see cref="SystemCalls"/> that opened it. The object is made before the call that opens the descriptor, so
/// that there is no moment in which a descriptor has no owner.
/// </summary>
internal sealed class FileDescriptor : SafeHandle
{
    private readonly SystemCalls _sys;

    internal FileDescriptor(SystemCalls sys)
        : base(-1, ownsHandle: true) => _sys = sys;

    internal FileDescriptor(int descriptor, SystemCalls sys)
        : this(sys) => SetHandle(descriptor);

    public override bool IsInvalid => handle < 0;

    /// <summary>The number, for calls made while the caller knows that nobody disposes. <see cref="Borrow"/> is for all others.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    internal int Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed || IsInvalid, this);
            return (int)handle;
        }
    }

    /// <summary>Keeps the descriptor open until the lease is disposed: a number that was closed can already belong to another file.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    internal Lease Borrow() => new(this);

    internal void Take(long descriptor) => SetHandle((nint)descriptor);

    // Linux has closed the descriptor even where close(2) says EINTR; trying again could close somebody else's.
    protected override bool ReleaseHandle() => _sys.Close((int)handle) is 0 or -(long)Errno.EINTR;

    /// <summary>A use of the descriptor, during which it stays open.</summary>
    internal readonly ref struct Lease
    {
        private readonly FileDescriptor? _owner;

        internal Lease(FileDescriptor owner)
        {
            var added = false;
            owner.DangerousAddRef(ref added);
            _owner = owner;
        }

        internal int Value => (int)_owner!.handle;

        // The default value borrows nothing.
        public void Dispose() => _owner?.DangerousRelease();
    }
}
