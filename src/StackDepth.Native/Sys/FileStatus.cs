using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace StackDepth.Native.Sys;

/// <summary>What <c>statx(2)</c> says about a file.</summary>
/// <param name="Inode">Its inode number.</param>
/// <param name="Device">The device it is on, as the kernel itself packs a <c>dev_t</c>: the major number shifted left by 20, and the minor number.</param>
/// <param name="Kind">The bits of st_mode that say what kind of file it is.</param>
/// <param name="Links">How many names it has; none once it was deleted, and for memory that has a file only in the kernel.</param>
/// <param name="Size">Its length in bytes.</param>
/// <param name="Owner">The user that it belongs to.</param>
/// <param name="ModifiedSeconds">When its content last changed, in seconds since 1970.</param>
internal readonly record struct FileStatus(ulong Inode, uint Device, ushort Kind, uint Links, long Size, uint Owner = 0, long ModifiedSeconds = 0)
{
    private const int StatusSize = 256;
    private const int EmptyPath = 0x1000;
    private const int CurrentDirectory = -100;
    private const int MinorBits = 20;
    private const ushort KindMask = 0xf000;
    private const ushort RegularKind = 0x8000;

    // STATX_BASIC_STATS.
    private const uint Wanted = 0x7ff;

    private const int LinksAt = 16, OwnerAt = 20, ModeAt = 28, InodeAt = 32, SizeAt = 40, ModifiedAt = 112, MajorAt = 136, MinorAt = 140;

    internal bool IsRegular => Kind == RegularKind;

    /// <summary>The status of an open file; null where the kernel does not say.</summary>
    internal static FileStatus? Of(SafeFileHandle file)
    {
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return Read((int)file.DangerousGetHandle(), "", EmptyPath);
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>The status of the file that a path means, links followed; null where there is none.</summary>
    internal static FileStatus? Of(string path) => path.Contains('\0', StringComparison.Ordinal) ? null : Read(CurrentDirectory, path, 0);

    private static unsafe FileStatus? Read(int directory, string path, int flags)
    {
        Span<byte> status = stackalloc byte[StatusSize];
        fixed (byte* pointer = status)
        {
            if (LibC.StatX(directory, path, flags, Wanted, pointer) != 0)
            {
                return null;
            }
        }

        return new FileStatus(
            BinaryPrimitives.ReadUInt64LittleEndian(status[InodeAt..]),
            (BinaryPrimitives.ReadUInt32LittleEndian(status[MajorAt..]) << MinorBits) | BinaryPrimitives.ReadUInt32LittleEndian(status[MinorAt..]),
            (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(status[ModeAt..]) & KindMask),
            BinaryPrimitives.ReadUInt32LittleEndian(status[LinksAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(status[SizeAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(status[OwnerAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(status[ModifiedAt..]));
    }
}
