using StackDepth.Native.Elf;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Brings the tables of files into the maps of a session: ahead of time for those that the targets are known to map, and on request for those that the walker meets. Each file once,
/// whoever asks for it. Thread-safe.
/// </summary>
internal sealed class UnwindSupplier : IDisposable
{
    private const int FilesAtOnce = 2;

    // Each is an open file of the host's, and a process may map as many as it likes: beyond these only what the walker really meets is loaded.
    private const int MaxPreloaded = 1024;

    private const long Urgent = long.MinValue;

    private readonly Lock _gate = new();
    private readonly UnwindTableWriter _writer;
    private readonly UnwindTableReader _read;
    private readonly Func<UnwindTable?> _readVdso;
    private readonly Action<UnwindNotice> _report;
    private readonly BoundedWork _work = new(FilesAtOnce);

    // Held, so that no other file gets their inode number while the maps say something about it. Those that are still to be opened, and the vDSO, are null.
    private readonly Dictionary<UnwindFileKey, PinnedFile?> _known = [];
    private readonly long[] _outcomes = new long[(int)UnwindOutcome.Gone + 1];
    private long _requests;
    private bool _disposed;

    /// <param name="writer">Where to; the caller's, and to be kept until this is disposed.</param>
    /// <param name="read">Reads the table of a file; called from several threads.</param>
    /// <param name="readVdso">Reads the table of this kernel's vDSO; null where there is none.</param>
    /// <param name="report">Gets the news, from several threads; does not throw.</param>
    internal UnwindSupplier(UnwindTableWriter writer, UnwindTableReader read, Func<UnwindTable?> readVdso, Action<UnwindNotice> report)
    {
        _writer = writer;
        _read = read;
        _readVdso = readVdso;
        _report = report;
    }

    internal UnwindStatistics Statistics => new(
        Count(UnwindOutcome.Loaded), Count(UnwindOutcome.NoTable), Count(UnwindOutcome.Unusable), Count(UnwindOutcome.Gone), Interlocked.Read(ref _requests));

    /// <summary>Loads programs or libraries, with all that the loader will map beside them, and the vDSO. Returns when all are there.</summary>
    /// <param name="programs">Absolute paths; scripts too.</param>
    /// <param name="options">The environment and working directory that they run with.</param>
    internal void PreloadPrograms(IEnumerable<string> programs, ResolveOptions options) =>
        PreloadAll(LibraryClosure.Of(programs, options).Select(static path => (path, PinnedFile.Open(path, out _), (UnwindFileKey?)null)));

    /// <summary>Loads what a process has mapped executable, and the vDSO. Returns when all are there.</summary>
    internal void PreloadProcess(int processId) => PreloadAll(FilesOf(processId, MappedExecutables.Of(processId)));

    /// <summary>Loads what all processes that map one of some files have mapped executable, and the vDSO. Returns when all are there.</summary>
    /// <param name="files">The files, by <c>stat(2)</c>.</param>
    /// <param name="found">Told of each such process.</param>
    internal void PreloadProcessesWith(IReadOnlyCollection<UnwindFileKey> files, Action<int>? found = null) =>
        PreloadAll(MappedExecutables.OfProcessesWith(files).SelectMany(process =>
        {
            found?.Invoke(process.ProcessId);
            return FilesOf(process.ProcessId, process.Mappings);
        }));

    /// <summary>Begins to load a file that a process has just mapped: the walker may meet it soon.</summary>
    /// <param name="mapping">The mapping, as the walker would ask for it.</param>
    /// <param name="path">The file's path; only text.</param>
    internal void Foresee(UnwindRequest mapping, string path)
    {
        if (MayPreload(mapping.Key) && Claim(mapping.Key))
        {
            _work.Run(Urgent, () => Guard(mapping.Key, () => LoadForeseen(mapping, path)));
        }
    }

    /// <summary>Begins to load what a process has mapped executable.</summary>
    internal void ForeseeProcess(int processId) => _work.Run(Urgent, () => Preload(FilesOf(processId, MappedExecutables.Of(processId))));

    /// <summary>Begins to serve a request of the walker's; then, as it will meet them soon, the other files that the process has mapped.</summary>
    internal void Serve(UnwindRequest request)
    {
        Interlocked.Increment(ref _requests);
        if (Claim(request.Key))
        {
            _work.Run(Urgent, () => Guard(request.Key, () => Load(request)));
        }
    }

    /// <summary>Begins no more files, waits for those being read, and lets go of all. Idempotent.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        if (!_work.Stop())
        {
            // Whoever still reads needs its file; it goes with the reader.
            return;
        }

        lock (_gate)
        {
            foreach (var file in _known.Values)
            {
                file?.Dispose();
            }

            _known.Clear();
        }
    }

    private long Count(UnwindOutcome outcome) => Interlocked.Read(ref _outcomes[(int)outcome]);

    // What cannot be opened is left to the walker: when it meets the file, its request will say what is wrong.
    private IEnumerable<(string Path, PinnedFile? File, UnwindFileKey? Key)> FilesOf(int processId, List<MappedExecutable> mappings)
    {
        foreach (var mapping in mappings)
        {
            if (MayPreload(mapping.Key))
            {
                yield return (mapping.Path, mapping.Open(processId, out _), mapping.Key);
            }
        }
    }

    private void PreloadAll(IEnumerable<(string Path, PinnedFile? File, UnwindFileKey? Key)> files)
    {
        var tasks = new List<Task>();
        if (Claim(UnwindFileKey.Vdso))
        {
            tasks.Add(_work.Run(Urgent, () => Guard(UnwindFileKey.Vdso, LoadVdso)));
        }

        tasks.AddRange(Preload(files));
        Task.WaitAll(tasks);
    }

    private List<Task> Preload(IEnumerable<(string Path, PinnedFile? File, UnwindFileKey? Key)> files)
    {
        var claimed = new List<(string Path, PinnedFile File, UnwindFileKey Key)>();
        foreach (var (path, file, mapped) in files)
        {
            if (file is null)
            {
                continue;
            }

            var key = mapped ?? UnwindFileKey.Of(file.Status);
            if (Claim(key, file))
            {
                claimed.Add((path, file, key));
            }
            else
            {
                file.Dispose();
            }
        }

        // The biggest first, so that none is left to be read alone at the end.
        claimed.Sort(static (a, b) => b.File.Status.Size.CompareTo(a.File.Status.Size));
        return claimed.ConvertAll(one => _work.Run(-one.File.Status.Size, () => Guard(one.Key, () => Load(one.Key, one.File, PrintableText.Escape(one.Path)))));
    }

    private void Load(UnwindRequest request)
    {
        var mappings = MappedExecutables.Of(request.ProcessId);
        var path = mappings.Find(mapping => mapping.Key == request.Key).Path ?? "";
        var file = new MappedExecutable(request.Start, request.End, request.Key, path).Open(request.ProcessId, out var errno);
        var name = path.Length > 0 ? PrintableText.Escape(path) : $"inode {request.Inode}, device {request.Device:x}";
        if (file is not null)
        {
            if (!Hold(request.Key, file))
            {
                file.Dispose();
                return;
            }

            Load(request.Key, file, name);
        }
        else if (errno is Errno.ENOENT or Errno.ESRCH)
        {
            Forget(request.Key, new UnwindNotice(UnwindOutcome.Gone, name, $"process {request.ProcessId}, or its mapping, is gone"));
        }
        else
        {
            Finish(request.Key, null, new UnwindNotice(UnwindOutcome.Unusable, name, $"it cannot be opened: {KernelErrors.Describe(errno)}"));
        }

        Preload(FilesOf(request.ProcessId, mappings));
    }

    // What cannot be opened is left to the walker here too. A mapping that was cut or grown meanwhile (the loader lays a library's segments over the first) is looked for once more.
    private void LoadForeseen(UnwindRequest mapping, string path)
    {
        var file = new MappedExecutable(mapping.Start, mapping.End, mapping.Key, path).Open(mapping.ProcessId, out _)
            ?? MappedExecutables.Of(mapping.ProcessId).Find(other => other.Key == mapping.Key).Open(mapping.ProcessId, out _);
        var name = PrintableText.Escape(path);
        if (file is null)
        {
            Forget(mapping.Key, new UnwindNotice(UnwindOutcome.Gone, name, $"process {mapping.ProcessId}, or its mapping, is gone"));
        }
        else if (Hold(mapping.Key, file))
        {
            Load(mapping.Key, file, name);
        }
        else
        {
            file.Dispose();
        }
    }

    private void Load(UnwindFileKey key, PinnedFile file, string name)
    {
        var notice = UnwindFileLoader.Read(file, name, key, _read, out var table);
        Finish(key, table, notice);
    }

    private void LoadVdso()
    {
        const string Name = "[vdso]";
        var table = _readVdso();
        Finish(UnwindFileKey.Vdso, table, table is { PageCount: > 0, HasRules: true }
            ? new UnwindNotice(UnwindOutcome.Loaded, Name, Rows: table.Rows.Length)
            : new UnwindNotice(UnwindOutcome.NoTable, Name, "it has no call frame information"));
    }

    private void Finish(UnwindFileKey key, UnwindTable? table, UnwindNotice notice)
    {
        if (notice.Outcome == UnwindOutcome.Loaded)
        {
            notice = _writer.Install(key, table!) switch
            {
                UnwindInstall.NoWords => notice with { Outcome = UnwindOutcome.Unusable, Detail = $"there is no room for its table of {notice.Rows} rows" },
                UnwindInstall.NoFiles => notice with { Outcome = UnwindOutcome.Unusable, Detail = "there is no room for more files" },
                _ => notice,
            };
        }
        else if (!_writer.Mark(key, notice.Outcome == UnwindOutcome.NoTable ? UnwindFileFlags.NoTable : UnwindFileFlags.Unusable))
        {
            notice = notice with { Outcome = UnwindOutcome.Unusable, Detail = $"{notice.Detail}; there is no room for more files" };
        }

        Tell(notice);
    }

    // Together, so that whoever asks in between asks in vain, and whoever asks after is heard.
    private void Forget(UnwindFileKey key, UnwindNotice notice)
    {
        lock (_gate)
        {
            _known.Remove(key);
            _writer.Forget(key);
        }

        Tell(notice);
    }

    // The maps themselves failed, or the vDSO: nobody waits for the exception, so it is told, and the file marked if that is possible.
    private void Guard(UnwindFileKey key, Action load)
    {
        try
        {
            load();
        }
        catch (Exception error)
        {
            var notice = new UnwindNotice(UnwindOutcome.Unusable, $"inode {key.Inode}", error.Message, Error: error);
            try
            {
                _writer.Mark(key, UnwindFileFlags.Unusable);
            }
            catch (Exception second) when (second is KernelException or ObjectDisposedException)
            {
                notice = notice with { Detail = $"{error.Message} {second.Message}" };
            }

            Tell(notice);
        }
    }

    private void Tell(UnwindNotice notice)
    {
        Interlocked.Increment(ref _outcomes[(int)notice.Outcome]);
        _report(notice);
    }

    private bool MayPreload(UnwindFileKey key)
    {
        lock (_gate)
        {
            return _known.Count < MaxPreloaded && !_known.ContainsKey(key);
        }
    }

    private bool Claim(UnwindFileKey key, PinnedFile? file = null)
    {
        lock (_gate)
        {
            return !_disposed && _known.TryAdd(key, file);
        }
    }

    private bool Hold(UnwindFileKey key, PinnedFile file)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _known[key] = file;
            }

            return !_disposed;
        }
    }
}
