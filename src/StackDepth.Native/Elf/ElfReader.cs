using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Elf;

/// <summary>
/// Bounds-checked reads of an open file. The tables that are needed are copied with pread(2) instead of mapped: a file that is truncated while it is mapped
/// raises SIGBUS, which would end the host process, while a short pread is an ordinary error. Only a few tables are needed, so the copy is cheap too.
/// </summary>
internal sealed class ElfReader : IDisposable
{
    // The largest table that is read: no real symbol or string table comes near, and a sparse file must not make us allocate without end.
    private const ulong MaxTableLength = 1UL << 29;

    private const int OpenReadOnlyNonBlockingCloseOnExec = 0x0 | 0x800 | 0x80000;

    private const int Enoent = 2;
    private const int Eacces = 13;

    private readonly SafeFileHandle? _file;
    private readonly byte[] _memory = [];

    private ElfReader(string path, SafeFileHandle file, ulong length)
    {
        Path = path;
        _file = file;
        Length = length;
    }

    /// <summary>Reads an image that is in memory: the vDSO is in no file.</summary>
    internal ElfReader(string path, byte[] image)
    {
        Path = path;
        _memory = image;
        Length = (ulong)image.Length;
    }

    /// <summary>The file's name for messages.</summary>
    internal string Path { get; }

    internal SafeFileHandle File => _file ?? throw new InvalidOperationException($"{Path} is in no file.");

    /// <summary>The file's length in bytes when it was opened.</summary>
    internal ulong Length { get; }

    /// <summary>Opens <paramref name="openPath"/>; messages call it <paramref name="shownPath"/>.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ElfException">It cannot be opened, or is not a regular file.</exception>
    internal static ElfReader Open(string openPath, string shownPath)
    {
        // Not File.OpenHandle: that blocks on a FIFO, and takes an advisory lock on a file which belongs to others.
        var descriptor = openPath.Contains('\0', StringComparison.Ordinal) ? -1 : LibC.Open(openPath, OpenReadOnlyNonBlockingCloseOnExec, 0);
        if (descriptor < 0)
        {
            var error = openPath.Contains('\0', StringComparison.Ordinal) ? Enoent : Marshal.GetLastPInvokeError();
            throw error switch
            {
                Enoent => new FileNotFoundException($"{PrintableText.Escape(shownPath)}: no such file.", shownPath),
                Eacces when IsBelowRootOfProcess(openPath) => new ElfException(shownPath, "permission to read it in the root directory of the process is denied; run as the process's user or as root (CAP_SYS_PTRACE)."),
                Eacces => new ElfException(shownPath, "permission to read it is denied; run as a user who may read it."),
                _ => new ElfException(shownPath, $"cannot be opened: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
            };
        }

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            // A character device has a length too: 0.
            return IsRegular(descriptor)
                ? new ElfReader(shownPath, file, (ulong)RandomAccess.GetLength(file))
                : throw new NotSupportedException("A directory, a device, a pipe or a socket.");
        }
        catch (Exception e) when (e is NotSupportedException or IOException or UnauthorizedAccessException)
        {
            file.Dispose();
            throw new ElfException(shownPath, "is not a regular file.", e);
        }
    }

    private static bool IsBelowRootOfProcess(string path) =>
        path.Split('/', 5) is ["", "proc", var pid, "root" or "map_files", ..] && pid.All(char.IsAsciiDigit);

    // Where the kernel does not say, reading will tell what is wrong.
    private static unsafe bool IsRegular(int descriptor)
    {
        const int emptyPath = 0x1000, modeAt = 28, kindMask = 0xf000, regular = 0x8000;
        const uint maskType = 1;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            return LibC.StatX(descriptor, string.Empty, emptyPath, maskType, pointer) != 0
                || (BinaryPrimitives.ReadUInt16LittleEndian(status[modeAt..]) & kindMask) == regular;
        }
    }

    /// <summary>Reads a table; <paramref name="what"/> names it in messages.</summary>
    /// <exception cref="ElfException">It does not lie within the file, or is over 512 MiB.</exception>
    internal byte[] Read(ulong offset, ulong length, string what)
    {
        if (offset > Length || length > Length - offset)
        {
            throw new ElfException(Path, $"is damaged or cut off: its {what} ends past the end of the file ({Length} bytes).");
        }

        if (length > MaxTableLength)
        {
            throw new ElfException(Path, $"is damaged: its {what} claims {length} bytes.");
        }

        var buffer = GC.AllocateUninitializedArray<byte>((int)length);
        Fill(offset, buffer, what);
        return buffer;
    }

    /// <summary>Fills the whole buffer from the file.</summary>
    internal void Fill(ulong offset, Span<byte> buffer, string what)
    {
        if (_file is null)
        {
            FillFromMemory(offset, buffer, what);
            return;
        }

        while (!buffer.IsEmpty)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_file, buffer, (long)offset);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ElfException(Path, $"its {what} cannot be read: {e.Message}", e);
            }

            if (count == 0)
            {
                throw new ElfException(Path, $"is cut off: it ended while its {what} was read.");
            }

            buffer = buffer[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>Reads a table of fixed-size records (little-endian, as the host is: another byte order is refused with the header).</summary>
    internal T[] ReadRecords<T>(ulong offset, ulong count, string what)
        where T : unmanaged
    {
        var size = (ulong)Unsafe.SizeOf<T>();
        if (count > MaxTableLength / size || offset > Length || count * size > Length - offset)
        {
            throw new ElfException(Path, $"is damaged or cut off: its {what} ({count} entries) ends past the end of the file ({Length} bytes).");
        }

        var records = GC.AllocateUninitializedArray<T>((int)count);
        Fill(offset, MemoryMarshal.AsBytes(records.AsSpan()), what);
        return records;
    }

    public void Dispose() => _file?.Dispose();

    private void FillFromMemory(ulong offset, Span<byte> buffer, string what)
    {
        if (offset > Length || (ulong)buffer.Length > Length - offset)
        {
            throw new ElfException(Path, $"is cut off: it ended while its {what} was read.");
        }

        _memory.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
    }
}
