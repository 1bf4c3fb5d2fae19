using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>
/// A file held by a descriptor that does not open it for reading (O_PATH), so that neither a device nor a FIFO notices. While it is held its inode number is not given to
/// another file, not even once it is deleted: what the maps say about that number stays true.
/// </summary>
internal sealed class PinnedFile : IDisposable
{
    private const int OpenPathCloseOnExec = 0x20_0000 | 0x8_0000;
    private const long OverlayMagic = 0x794c_7630;
    private const long BtrfsMagic = 0x9123_683e;

    private readonly SafeFileHandle _handle;

    private PinnedFile(SafeFileHandle handle, FileStatus status) => (_handle, Status) = (handle, status);

    internal FileStatus Status { get; }

    /// <summary>A path that opens this file for reading, while it is held.</summary>
    internal string ReadPath => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_handle.DangerousGetHandle()}");

    /// <summary>Whether the file system shows another device to <c>stat(2)</c> than its superblock has: overlayfs that of a layer, btrfs one of the subvolume's own.</summary>
    internal unsafe bool ShowsOtherDevice
    {
        get
        {
            var status = stackalloc long[16];
            return LibC.FStatFs((int)_handle.DangerousGetHandle(), status) == 0 && *status is OverlayMagic or BtrfsMagic;
        }
    }

    /// <summary>Takes hold of the file that a path means, links followed.</summary>
    /// <returns>Null, with the kernel's reason.</returns>
    internal static PinnedFile? Open(string path, out Errno errno)
    {
        errno = Errno.ENOENT;
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        var descriptor = LibC.Open(path, OpenPathCloseOnExec, 0);
        if (descriptor < 0)
        {
            errno = (Errno)Marshal.GetLastPInvokeError();
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (FileStatus.Of(handle) is { } status)
        {
            errno = Errno.None;
            return new PinnedFile(handle, status);
        }

        errno = Errno.EIO;
        handle.Dispose();
        return null;
    }

    /// <summary>Whether this is the file that the kernel means by a key.</summary>
    internal bool Is(UnwindFileKey key) => Status.Inode == key.Inode && (Status.Device == key.Device || ShowsOtherDevice);

    public void Dispose() => _handle.Dispose();
}
