using System.Globalization;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>The root directory of a process, held so that files below it can be found after the process has ended: a container's is gone with its last process.</summary>
internal sealed class ProcessRoot : IDisposable
{
    private readonly PinnedFile? _directory;
    private volatile bool _disposed;

    private ProcessRoot(PinnedFile? directory, string prefix) => (_directory, Prefix) = (directory, prefix);

    /// <summary>What paths below it are prefixed with to open them; empty where it is our own root directory.</summary>
    internal string Path => _directory is null || _disposed ? string.Empty : _directory.ReadPath;

    /// <summary>
    /// With what the kernel begins the process's paths when it shows them to us: those of a process in a chroot begin with its root directory, those of one in another mount
    /// namespace do not.
    /// </summary>
    internal string Prefix { get; }

    /// <summary>Whether another one is the same directory.</summary>
    internal bool IsSameAs(ProcessRoot other) =>
        Prefix == other.Prefix && _directory?.Status.Inode == other._directory?.Status.Inode && _directory?.Status.Device == other._directory?.Status.Device;

    internal static ProcessRoot Of(int processId)
    {
        var directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
        var link = Link($"{directory}/root")?.TrimEnd('/') ?? string.Empty;
        return link.Length == 0 && Link($"{directory}/ns/mnt") == Link("/proc/self/ns/mnt")
            ? new ProcessRoot(null, string.Empty)
            : new ProcessRoot(PinnedFile.Open($"{directory}/root", out _), link);
    }

    /// <summary>The root directory of a process that is there; null when it is not.</summary>
    internal static ProcessRoot? TryOf(int processId) => Link(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/root")) is null ? null : Of(processId);

    /// <summary>The same directory, held once more.</summary>
    internal ProcessRoot Clone() => new(Path.Length == 0 ? null : PinnedFile.Open(Path, out _), Prefix);

    /// <summary>A path as the process itself sees it.</summary>
    internal string Inside(string path) =>
        Prefix.Length > 0 && path.StartsWith(Prefix, StringComparison.Ordinal) && path.AsSpan(Prefix.Length).StartsWith("/") ? path[Prefix.Length..] : path;

    public void Dispose()
    {
        _disposed = true;
        _directory?.Dispose();
    }

    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
