using System.Globalization;

namespace StackDepth.Native.Targets;

/// <summary>A file that a process has mapped executable.</summary>
/// <param name="Path">Its path inside the process's root directory, without the kernel's mark for deleted files.</param>
/// <param name="IsDeleted">Whether that path no longer means this file: deleted, or replaced by another.</param>
/// <param name="Inode">Its inode number.</param>
/// <param name="MapLink">The <c>/proc/PID/map_files</c> link which opens this very file.</param>
internal sealed record MappedFile(string Path, bool IsDeleted, ulong Inode, string MapLink)
{
    internal string FileName => System.IO.Path.GetFileName(Path);
}

/// <summary>The executable file mappings of a process, from <c>/proc/PID/maps</c>.</summary>
internal static class ProcessMaps
{
    private const string DeletedMark = " (deleted)";

    /// <exception cref="TargetException">There is no such process, or its maps may not be read.</exception>
    internal static List<MappedFile> Read(int pid)
    {
        var result = new List<MappedFile>();
        var seen = new HashSet<(string, ulong)>();
        var directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        try
        {
            // The kernel shows paths from the reader's root: those of a process in a chroot begin with its root directory, those of one in a container do not.
            var root = new FileInfo($"{directory}/root").LinkTarget?.TrimEnd('/') ?? string.Empty;
            foreach (var line in File.ReadLines($"{directory}/maps"))
            {
                if (Parse(line, directory) is { } file && seen.Add((file.Path, file.Inode)))
                {
                    result.Add(root.Length > 0 && file.Path.StartsWith(root + "/", StringComparison.Ordinal) ? file with { Path = file.Path[root.Length..] } : file);
                }
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new TargetException($"There is no process {pid}.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException)
        {
            throw new TargetException($"The mapped files of process {pid} may not be read; run as its user or as root (CAP_SYS_PTRACE).", e);
        }
        catch (IOException e)
        {
            throw new TargetException($"The mapped files of process {pid} cannot be read, it may have ended: {e.Message}", e);
        }

        return result;
    }

    // "start-end perms offset dev inode      path": the path may hold spaces, and a line feed as \012.
    internal static MappedFile? Parse(string line, string processDirectory)
    {
        Span<Range> fields = stackalloc Range[6];
        var text = line.AsSpan();
        if (text.Split(fields, ' ', StringSplitOptions.RemoveEmptyEntries) < 6
            || !text[fields[1]].Contains('x')
            || !ulong.TryParse(text[fields[4]], NumberStyles.None, CultureInfo.InvariantCulture, out var inode) || inode == 0)
        {
            return null;
        }

        var path = text[fields[5]].TrimStart(' ').ToString();
        if (!path.StartsWith('/'))
        {
            return null;
        }

        var deleted = path.EndsWith(DeletedMark, StringComparison.Ordinal);
        path = (deleted ? path[..^DeletedMark.Length] : path).Replace("\\012", "\n", StringComparison.Ordinal);
        return new MappedFile(path, deleted, inode, $"{processDirectory}/map_files/{text[fields[0]]}");
    }
}
