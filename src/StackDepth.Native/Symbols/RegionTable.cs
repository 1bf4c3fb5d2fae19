using System.Globalization;
using StackDepth.Native.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>A process's mappings at one time, with the files that they are of, which it keeps in use. Immutable.</summary>
internal sealed class RegionTable
{
    private const int MostProblems = 64;

    private readonly ulong[] _starts;
    private readonly ulong[] _ends;

    private RegionTable(MappedRegion[] regions, SymbolFile?[] files, string[] modules, IReadOnlyList<string> problems)
    {
        (Regions, Files, Modules, Problems) = (regions, files, modules, problems);
        _starts = [.. regions.Select(static region => region.Start)];
        _ends = [.. regions.Select(static region => region.End)];
    }

    internal static RegionTable Empty { get; } = new([], [], [], []);

    /// <summary>In the order of their addresses, without overlaps.</summary>
    internal MappedRegion[] Regions { get; }

    /// <summary>The file of each region; null where there is none, or it cannot be had.</summary>
    internal SymbolFile?[] Files { get; }

    /// <summary>How each region is called in results.</summary>
    internal string[] Modules { get; }

    /// <summary>Why files are missing.</summary>
    internal IReadOnlyList<string> Problems { get; }

    /// <summary>Whether no file is missing.</summary>
    internal bool HasAllFiles => Problems.Count == 0;

    /// <summary>Whether there is executable memory without a file, or of one that has no name: code that is made at run time.</summary>
    internal bool HasCodeWithoutFile => Regions.Any(static region => !region.IsVdso && (!region.HasFile || region.Path.Length < region.Name.Length));

    /// <summary>Makes a table; the files that it shares with an older one are not opened again.</summary>
    internal static RegionTable Make(MappedRegion[] regions, RegionTable older, int processId, ProcessRoot root, SymbolContext context)
    {
        var files = new SymbolFile?[regions.Length];
        var modules = new string[regions.Length];
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        var problems = new List<string>();
        for (var i = 0; i < files.Length; i++)
        {
            var region = regions[i];
            var module = region.ModuleName(root);
            modules[i] = names.TryGetValue(module, out var same) ? same : names[module] = module;
            if (region.HasFile)
            {
                files[i] = Acquire(region, modules[i], processId, root, context, out var problem);
                if (files[i] is null && problems.Count < MostProblems)
                {
                    problems.Add($"{PrintableText.Escape(modules[i])}: {problem ?? "too many files are held"}");
                }
            }
        }

        return new RegionTable(regions, files, modules, problems);
    }

    /// <summary>Takes the file of a region into use.</summary>
    internal static SymbolFile? Acquire(MappedRegion region, string module, int processId, ProcessRoot root, SymbolContext context, out string? problem)
    {
        string? reason = null;
        var file = context.Files.Acquire(region.Key, () => Open(region, module, processId, root, context, out reason));
        problem = reason;
        return file;
    }

    /// <summary>Whether an address lies in a region.</summary>
    internal bool Has(int at, ulong address) => (uint)at < (uint)_starts.Length && address >= _starts[at] && address < _ends[at];

    /// <summary>The region that an address lies in, or -1.</summary>
    internal int Find(ulong address)
    {
        var at = RangeIndex.LastAtMost(_starts, address);
        return at >= 0 && address < _ends[at] ? at : -1;
    }

    /// <summary>What the file of a region says; null where there is none.</summary>
    internal FileSymbols? SymbolsOf(int at, SymbolContext context) =>
        Files[at] is { } file ? file.Symbols : Regions[at].IsVdso && Length(at) == context.Vdso.Length ? context.Vdso.Symbols : null;

    internal void ReleaseFiles(SymbolFiles files)
    {
        foreach (var file in Files)
        {
            if (file is not null)
            {
                files.Release(file);
            }
        }
    }

    private ulong Length(int at) => Regions[at].End - Regions[at].Start;

    // By the link that leads to the very file whatever became of its path; where that takes more privileges (CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), by its path, and at last as the
    // program itself, which may be deleted or replaced.
    private static SymbolFile? Open(MappedRegion region, string path, int processId, ProcessRoot root, SymbolContext context, out string? problem)
    {
        problem = null;
        var directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
        string[] candidates = [string.Create(CultureInfo.InvariantCulture, $"{directory}/map_files/{region.Start:x}-{region.End:x}"), path.StartsWith('/') ? root.Path + path : "", $"{directory}/exe"];
        foreach (var candidate in candidates)
        {
            if (candidate.Length == 0)
            {
                continue;
            }

            var file = PinnedFile.Open(candidate, out var errno);
            if (file?.Is(region.Key) == true)
            {
                problem = null;
                return new SymbolFile(file, region.Key, path, root, context.Naming, context.Memory);
            }

            problem ??= file is null ? $"cannot be opened ({errno})" : "is another file than the one that is mapped";
            file?.Dispose();
        }

        return null;
    }
}
