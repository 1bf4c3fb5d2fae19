using System.Globalization;
using Microsoft.Extensions.Logging;
using StackDepth.Native.Elf;
using StackDepth.Native.Sys;
using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime.Threads;

/// <summary>The unwind tables of the files that walks meet. They are kept from one call to the next; what cannot be read is asked for once in a call.</summary>
internal sealed class FileTables(ILogger log)
{
    /// <summary>Half a megabyte is libc's, a few are a browser's or Node's.</summary>
    private const long KeptBytes = 64 << 20;

    private static readonly UnwindTableShelf s_shelf = new(KeptBytes);
    private static readonly Lazy<UnwindTable?> s_vdso = new(UnwindTables.LoadVdso);

    private readonly HashSet<FileVersion> _unusable = [];
    private UnwindCache? _cache;

    /// <summary>The vDSO, of which all 64-bit processes have the same.</summary>
    internal static Place Vdso => Place.Of(s_vdso.Value);

    /// <summary>The table of a mapping's file.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="threadId">A thread that has it.</param>
    internal Place Find(in MappingRecord mapping, int threadId)
    {
        var version = mapping.Version;
        if (s_shelf.TryGet(version, out var table))
            return Place.Of(table);
        if (_unusable.Contains(version))
            return Place.Unusable;
        var notice = Load(mapping, version.Key, threadId, out table);
        UnwindTableService.Tell(log, notice);
        switch (notice.Outcome)
        {
            case UnwindOutcome.Loaded:
                s_shelf.Put(version, table);
                return Place.Of(table);
            case UnwindOutcome.NoTable:
                s_shelf.Put(version, null);
                return Place.NoTable;
            case UnwindOutcome.Gone:
                return Place.Gone;
            default:
                _unusable.Add(version);
                return Place.Unusable;
        }
    }

    private UnwindNotice Load(in MappingRecord mapping, UnwindFileKey key, int threadId, out UnwindTable? table)
    {
        table = null;
        var place = new MappedExecutable(mapping.Start, mapping.End, key, "");
        var file = place.Open(threadId, out var errno);
        if (file is null && errno is Errno.EPERM or Errno.EACCES)
        {
            // Without the privilege to follow that link, by its path: the loader makes sure that it is the same file.
            foreach (var mapped in MappedExecutables.Of(threadId).Where(mapped => mapped.Key == key))
                file ??= mapped.Open(threadId, out errno);
        }
        if (file is null)
        {
            return new(
                errno is Errno.ENOENT or Errno.ESRCH ? UnwindOutcome.Gone : UnwindOutcome.Unusable,
                string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/map_files/{mapping.Start:x}-{mapping.End:x}"),
                $"it cannot be opened: {errno}");
        }
        using (file)
        {
            var name = PrintableText.Escape(new FileInfo(file.ReadPath).LinkTarget ?? file.ReadPath);
            return UnwindFileLoader.Read(file, name, key, (path, shownPath) => UnwindTables.Load(path, _cache ??= UnwindCache.OfUser(), shownPath).Table, out table);
        }
    }
}
