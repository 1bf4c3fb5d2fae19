using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Targets;

/// <summary>Which file an open descriptor means.</summary>
internal static unsafe class FileIdentity
{
    /// <summary>The inode number; null where the kernel does not tell.</summary>
    internal static ulong? Inode(SafeFileHandle file)
    {
        // struct statx of linux/stat.h: 256 bytes, stx_mask at 0, stx_ino at 32.
        const int EmptyPath = 0x1000; // AT_EMPTY_PATH
        const uint WantInode = 0x100; // STATX_INO
        var status = stackalloc ulong[32];
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return LibC.StatX((int)file.DangerousGetHandle(), string.Empty, EmptyPath, WantInode, status) == 0 && ((uint)status[0] & WantInode) != 0 ? status[4] : null;
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }
}
