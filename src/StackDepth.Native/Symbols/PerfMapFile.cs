using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Elf;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Symbols;

/// <summary>
/// The perf map that a process writes for the code that it compiles at run time: <c>/tmp/perf-PID.map</c>, in the process's own root directory and by its own number. The file is the
/// process's, or anybody's who was there first: only a regular file, that belongs to the process's user or to root (as perf demands), that is no link and no older than the process, is
/// read. It is held open, so that it can be read on after the process has ended.
/// </summary>
internal sealed class PerfMapFile : IDisposable
{
    private const long MostBytes = 256L << 20;
    private const int ChunkBytes = 1 << 18;
    private const int OpenFlags = 0x800 | 0x8_0000; // O_RDONLY | O_NONBLOCK | O_CLOEXEC
    private const int NoFollowX64 = 0x2_0000;
    private const int NoFollowArm64 = 0x8000;

    // The kernel's tick, the file system's clock, and what the clock was corrected by since.
    private const long ClockSlackSeconds = 10;

    private readonly Func<ProcessRoot> _rootOf;
    private readonly int _processId;
    private ProcessStatus _process;
    private SafeFileHandle? _file;
    private ulong _inode;
    private long _position;

    /// <param name="root">The process's root directory; it can change.</param>
    /// <param name="processId">The process's number in our pid namespace.</param>
    /// <param name="process">What is known of it.</param>
    internal PerfMapFile(Func<ProcessRoot> root, int processId, ProcessStatus process) => (_rootOf, _processId, _process) = (root, processId, process);

    /// <summary>Why a file that is there is not used, or not read any further; or null.</summary>
    internal string? Problem { get; private set; }

    // The process has ended, and its number was given to another one, which may have written another map over its own.
    private bool IsOfAnother => ProcessStatus.Read(_processId) is { } now && now.StartTicks != _process.StartTicks;

    private string Name => string.Create(CultureInfo.InvariantCulture, $"perf-{_process.InnerPid}.map");

    /// <summary>Takes hold of the file, if there is one: after the process has ended it may be too late.</summary>
    /// <returns>Whether it is another file than before.</returns>
    internal bool Hold()
    {
        if (IsOfAnother || Open() is not { } opened)
        {
            return false;
        }

        var inode = FileStatus.Of(opened)?.Inode ?? 0;
        if (_file is not null && inode == _inode)
        {
            opened.Dispose();
            return false;
        }

        _file?.Dispose();
        (_file, _inode) = (opened, inode);
        return true;
    }

    /// <summary>Reads what was written since the last time.</summary>
    /// <param name="map">Gets the new lines.</param>
    /// <param name="isWhole">Whether the map has all that was read before; if not, it is begun anew.</param>
    /// <returns>The map that has the lines now: the same one, or a new one where the file was replaced.</returns>
    internal PerfMap Read(PerfMap map, bool isWhole)
    {
        isWhole &= !Hold();
        if (IsOfAnother || _file is null || FileStatus.Of(_file) is not { } status)
        {
            return map;
        }

        if (!isWhole || status.Size < _position)
        {
            map = new PerfMap();
            _position = 0;
        }

        if (status.Size > _position)
        {
            ReadLines(map, Math.Min(status.Size, MostBytes));
        }

        if (map.IsFull || _position >= MostBytes - ChunkBytes)
        {
            Problem = $"{Name} is too long: names are taken from its first {map.Count} lines.";
        }

        return map;
    }

    public void Dispose() => _file?.Dispose();

    private void ReadLines(PerfMap map, long end)
    {
        var buffer = GC.AllocateUninitializedArray<byte>(ChunkBytes);
        try
        {
            while (_position < end && !map.IsFull)
            {
                var count = RandomAccess.Read(_file!, buffer, _position);
                var whole = buffer.AsSpan(0, count).LastIndexOf((byte)'\n') + 1;
                if (whole == 0)
                {
                    // A line that is not yet whole, or one without end.
                    _position += count == buffer.Length ? count : 0;
                    if (count < buffer.Length)
                    {
                        return;
                    }
                }

                map.Append(buffer.AsSpan(0, whole));
                _position += whole;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Problem = $"{Name} cannot be read: {error.Message}";
        }
    }

    private SafeFileHandle? Open()
    {
        // Programs that are started as root often become another user's.
        _process = ProcessStatus.Read(_processId) ?? _process;
        var root = _rootOf().Path;
        string folder;
        try
        {
            folder = RootedPath.Resolve(root, "/tmp");
        }
        catch (Exception error) when (error is TargetException or IOException or UnauthorizedAccessException)
        {
            Problem = $"the folder of {Name} cannot be found: {PrintableText.Escape(error.Message)}";
            return null;
        }

        var noFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? NoFollowArm64 : NoFollowX64;
        var descriptor = LibC.Open($"{root}{folder}/{Name}", OpenFlags | noFollow, 0);
        if (descriptor < 0)
        {
            var errno = (Errno)Marshal.GetLastPInvokeError();
            Problem = errno is Errno.ENOENT or Errno.ESRCH ? Problem : $"{Name} cannot be opened ({errno})";
            return null;
        }

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (WhyNot(file) is { } why)
        {
            Problem = $"{Name} is not used: {why}";
            file.Dispose();
            return null;
        }

        return file;
    }

    private string? WhyNot(SafeFileHandle file) => FileStatus.Of(file) switch
    {
        null => "its status cannot be read",
        { IsRegular: false } => "it is not a regular file",
        { Owner: var owner } when owner != 0 && !_process.Users.Contains(owner) => $"it belongs to user {owner}, who is neither root nor the process's",
        { ModifiedSeconds: var written } when _process.StartedAt() is { } started && written < started - ClockSlackSeconds =>
            "it is older than the process: another one of the same number wrote it",
        _ => null,
    };
}
