using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>A file as the walker in the kernel sees it.</summary>
/// <param name="Inode">The inode number of a mapping's file.</param>
/// <param name="Device">The device of its superblock (<c>s_dev</c>): the major number shifted left by 20, and the minor number.</param>
/// <param name="Zero">Fills the key, which is compared as bytes.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct UnwindFileKey(ulong Inode, uint Device, uint Zero = 0)
{
    /// <summary>The vDSO, which is no file.</summary>
    internal static UnwindFileKey Vdso { get; } = new(ulong.MaxValue, uint.MaxValue);

    internal static UnwindFileKey Of(in FileStatus status) => new(status.Inode, status.Device);

    /// <summary>The kernel's <c>dev_t</c>, of which numbers there are 12 and 20 bits.</summary>
    internal static uint DeviceOf(uint major, uint minor) => (major << 20) | minor;

    /// <summary>The key of an open file; null where the kernel does not say.</summary>
    internal static UnwindFileKey? Of(SafeFileHandle file) => FileStatus.Of(file) is { } status ? Of(status) : null;

    /// <summary>The key of the file that a path means; null where there is none.</summary>
    internal static UnwindFileKey? Of(string path) => FileStatus.Of(path) is { } status ? Of(status) : null;
}

/// <summary>What is known of a file. None: it was asked for, and is not there yet.</summary>
[Flags]
internal enum UnwindFileFlags : uint
{
    None = 0,

    /// <summary>Index, rows and rules are there.</summary>
    Ready = 1,

    /// <summary>It has no call frame information: only frame pointers can be tried.</summary>
    NoTable = 4,

    /// <summary>It could not be read, or there is no room for it.</summary>
    Unusable = 8,
}

/// <summary>The value of a file: where its index is, and which pages of file offset it covers.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct UnwindFileEntry(uint IndexWord, uint FirstPage, uint PageCount, UnwindFileFlags Flags, uint PlainStart = 0, uint PlainLength = 0, uint MarkedStart = 0, uint MarkedLength = 0)
{
    /// <summary>Where the fields are in the value.</summary>
    internal const int IndexWordAt = 0;

    internal const int PageCountAt = 8;
    internal const int FlagsAt = 12;
    internal const int PlainStartAt = 16;
    internal const int PlainLengthAt = 20;
    internal const int MarkedStartAt = 24;

    /// <summary>Bytes of a value.</summary>
    internal const int Size = 32;

    internal static UnwindFileEntry Without(UnwindFileFlags reason) => new(0, 0, 0, reason);
}

/// <summary>The walker met an executable mapping of a file of which it knows nothing, in process <c>ProcessId</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct UnwindRequest(ulong Inode, uint Device, int ProcessId, ulong Start, ulong End, ulong FileOffset)
{
    /// <summary>Bytes of a record.</summary>
    internal const int Size = 40;

    internal UnwindFileKey Key => new(Inode, Device);
}
