using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>An executable mapping of a file, as <c>/proc/PID/maps</c> shows it.</summary>
/// <param name="Start">Its first address.</param>
/// <param name="End">The address behind it.</param>
/// <param name="Key">The file's inode and device.</param>
/// <param name="Path">The file's path; only text: it may mean another file, or none.</param>
internal readonly record struct MappedExecutable(ulong Start, ulong End, UnwindFileKey Key, string Path)
{
    /// <summary>
    /// Takes hold of the mapped file. By the link that leads to the very file whatever became of its path; where that takes more privileges (CAP_SYS_ADMIN or
    /// CAP_CHECKPOINT_RESTORE), by the path below the process's root directory: whether it is the same file is the caller's to check.
    /// </summary>
    /// <returns>Null, with the kernel's reason.</returns>
    internal PinnedFile? Open(int processId, out Errno errno)
    {
        var file = PinnedFile.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/map_files/{Start:x}-{End:x}"), out errno);
        return file is null && errno is Errno.EPERM or Errno.EACCES && Path.StartsWith('/')
            ? PinnedFile.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/root{Path}"), out _)
            : file;
    }
}

/// <summary>Reads the executable mappings of processes. All of it may change or vanish meanwhile, and its length is the process's choice.</summary>
internal static class MappedExecutables
{
    /// <summary>The most that is read of one process's mappings: those after it are asked for by the walker when they are met.</summary>
    private const int MaxBytes = 4 << 20;

    private const int OpenReadOnlyCloseOnExec = 0x80000;

    /// <summary>The executable mappings of a process, one for each file; none when it has ended, or its mappings may not be read.</summary>
    internal static List<MappedExecutable> Of(int processId)
    {
        using var text = MapsText.Read(processId);
        return Parse(text.Bytes);
    }

    /// <summary>The processes that have one of some files mapped, with their executable mappings.</summary>
    /// <param name="files">The files, by <c>stat(2)</c>.</param>
    internal static IEnumerable<(int ProcessId, List<MappedExecutable> Mappings)> OfProcessesWith(IReadOnlyCollection<UnwindFileKey> files)
    {
        var inodes = files.Select(static file => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $" {file.Inode} "))).ToArray();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var processId))
            {
                continue;
            }

            List<MappedExecutable> mappings;
            using (var text = MapsText.Read(processId))
            {
                // The number alone decides: where stat(2) and the mappings disagree about devices (btrfs), a process too many costs only time.
                if (!text.ContainsAny(inodes))
                {
                    continue;
                }

                mappings = Parse(text.Bytes);
            }

            yield return (processId, mappings);
        }
    }

    /// <summary>Parses the text of <c>/proc/PID/maps</c>; lines that are not whole, not executable or of no file are left out.</summary>
    internal static List<MappedExecutable> Parse(ReadOnlySpan<byte> text)
    {
        var result = new List<MappedExecutable>();
        var seen = new HashSet<UnwindFileKey>();
        foreach (var range in text.Split((byte)'\n'))
        {
            if (TryParseLine(text[range], out var mapping) && seen.Add(mapping.Key))
            {
                result.Add(mapping);
            }
        }

        return result;
    }

    private static bool TryParseLine(ReadOnlySpan<byte> text, out MappedExecutable mapping)
    {
        mapping = default;
        if (!MapsLine.TryParseExecutable(text, out var line) || line.Inode == 0)
        {
            return false;
        }

        mapping = new MappedExecutable(line.Start, line.End, new UnwindFileKey(line.Inode, UnwindFileKey.DeviceOf(line.Major, line.Minor)), Encoding.UTF8.GetString(line.Name));
        return true;
    }

    /// <summary>The text of a process's maps, in a borrowed buffer.</summary>
    private ref struct MapsText
    {
        private byte[]? _buffer;
        private int _length;

        internal readonly ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

        internal static MapsText Read(int processId)
        {
            var descriptor = LibC.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/maps"), OpenReadOnlyCloseOnExec, 0);
            if (descriptor < 0)
            {
                return default;
            }

            using var file = new SafeFileHandle(descriptor, ownsHandle: true);
            var text = new MapsText { _buffer = ArrayPool<byte>.Shared.Rent(64 * 1024) };
            try
            {
                while (text._length < MaxBytes)
                {
                    if (text._length == text._buffer.Length)
                    {
                        var larger = ArrayPool<byte>.Shared.Rent(text._length * 2);
                        text.Bytes.CopyTo(larger);
                        ArrayPool<byte>.Shared.Return(text._buffer);
                        text._buffer = larger;
                    }

                    var read = RandomAccess.Read(file, text._buffer.AsSpan(text._length), text._length);
                    if (read == 0)
                    {
                        break;
                    }

                    text._length += read;
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile (ESRCH), or is not ours to read: what was read so far is as good.
            }

            return text;
        }

        internal readonly bool ContainsAny(byte[][] words)
        {
            foreach (var word in words)
            {
                if (Bytes.IndexOf(word) >= 0)
                {
                    return true;
                }
            }

            return false;
        }

        public void Dispose()
        {
            if (_buffer is not null)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                this = default;
            }
        }
    }
}
