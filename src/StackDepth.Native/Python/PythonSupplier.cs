using System.Runtime.InteropServices;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Python;

/// <summary>
/// Tells the program in the kernel which files have a CPython, and where processes have mapped one: ahead of time for the processes that are known to come, and on request for those that the
/// program meets. What it says of a process is a hint, which the program proves. Thread-safe.
/// </summary>
internal sealed class PythonSupplier : IDisposable
{
    private readonly Lock _gate = new();
    private readonly PythonFiles _files;
    private readonly BpfMap _hints;
    private bool _disposed;

    /// <param name="files">The map of files.</param>
    /// <param name="hints">The map of hints.</param>
    /// <param name="report">Gets the news, from several threads; does not throw.</param>
    internal PythonSupplier(BpfMap files, BpfMap hints, Action<PythonNotice> report) => (_files, _hints) = (new PythonFiles(files, report), hints);

    /// <summary>Looks at programs or libraries, with all that the loader will map beside them.</summary>
    /// <param name="programs">Absolute paths; scripts too.</param>
    /// <param name="options">The environment and working directory that they run with.</param>
    /// <exception cref="KernelException">The kernel refuses the maps' content.</exception>
    internal void PreloadPrograms(IEnumerable<string> programs, ResolveOptions options)
    {
        foreach (var path in LibraryClosure.Of(programs, options))
        {
            if (PinnedFile.Open(path, out _) is { } file)
            {
                Add(UnwindFileKey.Of(file.Status), file, path);
            }
        }
    }

    /// <summary>Looks at what a process has mapped.</summary>
    /// <exception cref="KernelException">The kernel refuses the maps' content.</exception>
    internal void PreloadProcess(int processId) => Look(processId, MappedExecutables.Of(processId));

    /// <summary>Looks at what all processes that map one of some files have mapped.</summary>
    /// <exception cref="KernelException">The kernel refuses the maps' content.</exception>
    internal void PreloadProcessesWith(IReadOnlyCollection<UnwindFileKey> files)
    {
        foreach (var (processId, mappings) in MappedExecutables.OfProcessesWith(files))
        {
            Look(processId, mappings);
        }
    }

    /// <summary>A process has mapped a file: where that is known to have a CPython, the program is told.</summary>
    internal void Foresee(int processId, UnwindFileKey key, ulong start)
    {
        lock (_gate)
        {
            if (!_disposed && _files.Knows(key) == true)
            {
                Hint(processId, start);
            }
        }
    }

    /// <summary>Answers a request of the program's.</summary>
    /// <exception cref="KernelException">The kernel refuses the maps' content.</exception>
    internal void Serve(UnwindRequest request)
    {
        var mappings = MappedExecutables.Of(request.ProcessId);
        if (request.Inode != 0)
        {
            // The file of a hint, by the key that the kernel has for it, which stat(2) can have another device for.
            var path = mappings.Find(mapping => mapping.Start == request.Start).Path ?? "";
            if (new MappedExecutable(request.Start, request.End, request.Key, path).Open(request.ProcessId, out _) is { } file)
            {
                Add(request.Key, file, path);
            }

            return;
        }

        Look(request.ProcessId, mappings);
    }

    /// <summary>Answers nothing any more. Idempotent.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _files.Dispose();
        }
    }

    private void Look(int processId, List<MappedExecutable> mappings)
    {
        foreach (var mapping in mappings)
        {
            if (HasPython(processId, mapping))
            {
                lock (_gate)
                {
                    Hint(processId, mapping.Start);
                }

                return;
            }
        }

        lock (_gate)
        {
            // Without mappings it has ended, or may not be read.
            if (mappings.Count > 0)
            {
                Hint(processId, PythonMaps.NoPython);
            }
        }
    }

    private bool HasPython(int processId, MappedExecutable mapping)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return false;
            }

            if (_files.Knows(mapping.Key) is { } known)
            {
                return known;
            }
        }

        return mapping.Open(processId, out _) is { } file && Add(mapping.Key, file, mapping.Path);
    }

    private bool Add(UnwindFileKey key, PinnedFile file, string path)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                return _files.Add(key, file, path);
            }
        }

        file.Dispose();
        return false;
    }

    private void Hint(int processId, ulong address)
    {
        if (!_disposed)
        {
            _hints.Update(MemoryMarshal.AsBytes(new Span<int>(ref processId)), MemoryMarshal.AsBytes(new Span<ulong>(ref address)));
        }
    }
}
