using System.Runtime.InteropServices;
using StackDepth.Native.Elf;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Python;

/// <summary>News of a file with a CPython, or of one that may have had one, for the log.</summary>
/// <param name="File">Its name, from the target: control characters are escaped.</param>
/// <param name="Version">The version; null where the file could not be read.</param>
/// <param name="Problem">Why it is of no use, where it is not.</param>
internal readonly record struct PythonNotice(string File, string? Version, string? Problem);

/// <summary>
/// The files that were looked at, and those among them with a CPython, which are in the program's map. Not thread-safe.
/// </summary>
internal sealed class PythonFiles : IDisposable
{
    // Each is held open, so that its inode number means it for as long as something is said of that number; of those without a CPython, the rest is looked at each time.
    private const int MostHeld = 256;

    private readonly BpfMap _map;
    private readonly Action<PythonNotice> _report;
    private readonly Dictionary<UnwindFileKey, (PinnedFile File, bool HasPython)> _known = [];

    /// <param name="map">The map of files; the caller's.</param>
    /// <param name="report">Gets the news; does not throw.</param>
    internal PythonFiles(BpfMap map, Action<PythonNotice> report) => (_map, _report) = (map, report);

    /// <summary>Whether a file has a CPython; takes the file over.</summary>
    /// <param name="key">The file that the kernel means; another one has none.</param>
    /// <param name="file">The file.</param>
    /// <param name="path">Its path; only text.</param>
    /// <exception cref="KernelException">The kernel refuses to write the map.</exception>
    internal bool Add(UnwindFileKey key, PinnedFile file, string path)
    {
        if (_known.TryGetValue(key, out var known))
        {
            file.Dispose();
            return known.HasPython;
        }

        var hasPython = false;
        try
        {
            if (Read(key, file, PrintableText.Escape(path)) is { } python)
            {
                var entry = PythonFileEntry.Of(python);
                _map.Update(MemoryMarshal.AsBytes(new Span<UnwindFileKey>(ref key)), MemoryMarshal.AsBytes(new Span<PythonFileEntry>(ref entry)));
                hasPython = true;
            }
        }
        catch (KernelException full) when (full.Errno == Errno.E2BIG)
        {
            _report(new PythonNotice(PrintableText.Escape(path), null, "there is no room for more files"));
        }
        catch
        {
            file.Dispose();
            throw;
        }

        if (hasPython || _known.Count < MostHeld)
        {
            _known.Add(key, (file, hasPython));
        }
        else
        {
            file.Dispose();
        }

        return hasPython;
    }

    /// <summary>Whether a file was looked at, and has a CPython.</summary>
    internal bool? Knows(UnwindFileKey key) => _known.TryGetValue(key, out var known) ? known.HasPython : null;

    /// <summary>Lets go of the files; the map must not be used any more.</summary>
    public void Dispose()
    {
        foreach (var (file, _) in _known.Values)
        {
            file.Dispose();
        }

        _known.Clear();
    }

    private PythonFile? Read(UnwindFileKey key, PinnedFile file, string name)
    {
        if (!file.Status.IsRegular || !file.Is(key) || file.Status.Size > UnwindFileLoader.MaxBytes)
        {
            return null;
        }

        try
        {
            using var image = ElfImage.Open(file.ReadPath, name);
            var python = PythonFile.Read(image);
            if (python is not null)
            {
                _report(new PythonNotice(name, python.Version, python.Unsupported));
            }

            return python;
        }
        catch (ElfException)
        {
            // Not ELF, of another machine, or damaged: processes map all sorts of files, and none of these runs a CPython.
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _report(new PythonNotice(name, null, error.Message));
            return null;
        }
    }
}
