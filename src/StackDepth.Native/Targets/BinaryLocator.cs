using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Finds the file that a user's word for a binary means: a path, a program on PATH, a shared library; with a pid, as that process sees it.</summary>
internal sealed class BinaryLocator
{
    private static readonly EnumerationOptions s_allFiles = new() { AttributesToSkip = 0, IgnoreInaccessible = true };

    private readonly ResolveOptions _options;
    private readonly List<MappedFile> _mapped;

    internal BinaryLocator(ResolveOptions options)
    {
        _options = options;
        Root = options.Pid is { } pid ? string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root") : string.Empty;
        _mapped = options.Pid is { } id ? ProcessMaps.Read(id) : [];
        Libraries = new LibrarySearch(Root, options.Variable("LD_LIBRARY_PATH"));
        Programs = new ProgramSearch(Root, options.Variable("PATH"), options.WorkingDirectory);
    }

    /// <summary>/proc/PID/root, or empty.</summary>
    internal string Root { get; }

    internal LibrarySearch Libraries { get; }

    internal ProgramSearch Programs { get; }

    internal ResolveOptions Options => _options;

    /// <summary>Finds the file.</summary>
    /// <exception cref="TargetNotFoundException">Nothing of that name.</exception>
    internal LocatedFile Locate(string binary)
    {
        if (string.IsNullOrWhiteSpace(binary))
        {
            throw new TargetException("No binary is named. Write a path, a program's name, or a library's name such as libc.so.6.");
        }

        return binary.Contains('/', StringComparison.Ordinal) ? LocatePath(binary) : LocateName(binary);
    }

    /// <summary>The file for an absolute path inside the root; a mapped one is the file that the process really runs.</summary>
    internal LocatedFile At(string path, string? note = null)
    {
        var real = RootedPath.Resolve(Root, path);
        return (_mapped.Find(file => file.Path == real) is { } mapped ? Mapped(mapped) : new LocatedFile(real, Root + real)).WithNote(note);
    }

    /// <summary>The library that a DT_NEEDED name means for <paramref name="requester"/>: the mapped one if the process maps one.</summary>
    internal LocatedFile? Needed(string name, ElfImage requester, string requesterPath)
    {
        if (_mapped.Find(file => file.FileName == name) is { } mapped)
        {
            return Mapped(mapped);
        }

        return Libraries.Find(name, requester, requesterPath) is { } path ? At(path) : null;
    }

    private LocatedFile LocatePath(string binary)
    {
        var path = Path.GetFullPath(binary, _options.WorkingDirectory);
        if (Root.Length == 0 && RootedPath.RootOfProcess(path) is { } root && !Directory.Exists(root + "/"))
        {
            throw Directory.Exists(Path.GetDirectoryName(root))
                ? new TargetException($"The files below {root} may not be read; run as the user of that process or as root (CAP_SYS_PTRACE).")
                : new TargetException($"There is no process that {root} belongs to.");
        }

        var file = At(path);
        if (file.OpenPath != Root + file.Path || File.Exists(file.OpenPath))
        {
            return file.WithNote(UnmappedNote(file));
        }

        // The path itself may hold a link that is gone, while the process still maps what it meant.
        if (_mapped.Find(mapped => mapped.Path == path) is { } deleted)
        {
            return Mapped(deleted);
        }

        var shown = PrintableText.Escape(binary);
        throw Directory.Exists(Root + file.Path)
            ? new TargetException($"{shown} is a directory; name a program or a library in it.")
            : NotFound($"{shown}: no such file{(Root.Length > 0 ? $" in the root directory of process {_options.Pid}" : string.Empty)}.{HomeHint(binary)}", Path.GetFileName(path), Beside(binary, path));
    }

    private string? HomeHint(string binary) => !binary.StartsWith('~') ? null
        : binary.StartsWith("~/", StringComparison.Ordinal) && _options.Variable("HOME") is { Length: > 0 } home
            ? $" '~' is not expanded here: write '{PrintableText.Escape(home.TrimEnd('/') + binary[1..])}'."
            : " '~' is not expanded here: write the home directory's path.";

    // The files in the directory that was named, as the user would write them.
    private IEnumerable<string> Beside(string binary, string path)
    {
        var written = binary[..(binary.LastIndexOf('/') + 1)];
        return FilesIn(Root + RootedPath.Resolve(Root, Path.GetDirectoryName(path) ?? "/")).Select(name => written + name);
    }

    private LocatedFile LocateName(string name)
    {
        if (LocateMapped(name) is { } mapped)
        {
            return mapped;
        }

        var file = LibraryName.Body(name) is not null ? Library(name) ?? Program(name) : Program(name) ?? Library(name);
        if (file is not null)
        {
            return file.WithNote(UnmappedNote(file));
        }

        if (Programs.FindNotExecutable(name) is { } data)
        {
            var shown = PrintableText.Escape(data);
            throw new TargetNotFoundException($"'{PrintableText.Escape(name)}' is on PATH as {shown}, but that file is not executable; make it executable, or write its path if it is meant all the same.", [shown]);
        }

        var hint = File.Exists(Path.Combine(_options.WorkingDirectory, name)) ? $" A file of that name is in the working directory: write './{PrintableText.Escape(name)}'." : string.Empty;
        var names = _mapped.Select(file => file.FileName).Concat(Libraries.KnownNames);
        throw NotFound(
            $"'{PrintableText.Escape(name)}' is neither a program on PATH nor a shared library that the loader knows.{hint}",
            name,
            Root.Length > 0 ? names : names.Concat(Programs.Directories.SelectMany(FilesIn)));
    }

    // The most exact meaning first: the mapped file's own name, the program under a shorter name (python3 for python3.12), a library's short form.
    private LocatedFile? LocateMapped(string name)
    {
        if (_mapped.Count == 0)
        {
            return null;
        }

        var program = new FileInfo($"/proc/{_options.Pid}/exe").LinkTarget is { } target
            ? _mapped.Find(file => target.EndsWith(file.Path, StringComparison.Ordinal) || (file.IsDeleted && target.EndsWith(file.Path + " (deleted)", StringComparison.Ordinal)))
            : null;
        var found = _mapped.Find(file => file.FileName == name)
            ?? (program is not null && IsProgramName(name, program.FileName) ? program : null)
            ?? _mapped.Find(file => LibraryName.IsShortFor(name, file.FileName));
        return found is null ? null : Mapped(found);
    }

    private static bool IsProgramName(string name, string fileName)
    {
        var (stem, version) = LibraryName.Split(name);
        var (otherStem, otherVersion) = LibraryName.Split(fileName);
        return stem == otherStem && version.Length <= otherVersion.Length && LibraryName.VersionsAgree(version, otherVersion);
    }

    private LocatedFile Mapped(MappedFile file)
    {
        var note = file.IsDeleted ? $"{PrintableText.Escape(file.Path)} was deleted or replaced; this is the file that process {_options.Pid} still runs" : null;
        if (CanOpen(file.MapLink))
        {
            return new LocatedFile(file.Path, file.MapLink, note);
        }

        // map_files needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. The path will do where it still means the mapped file.
        return file.IsDeleted
            ? throw new TargetException($"{PrintableText.Escape(file.Path)} was deleted, and opening it through {file.MapLink} is not permitted; run as root (CAP_SYS_ADMIN).")
            : new LocatedFile(file.Path, Root + file.Path, note);
    }

    private static bool CanOpen(string link)
    {
        try
        {
            using var reader = ElfReader.Open(link, link);
            return true;
        }
        catch (Exception e) when (e is ElfException or FileNotFoundException)
        {
            return false;
        }
    }

    private string? UnmappedNote(LocatedFile file) => _options.Pid is { } pid && !_mapped.Exists(mapped => mapped.Path == file.Path)
        ? $"process {pid} does not have {PrintableText.Escape(file.Path)} mapped now: the probe fires only if it loads it"
        : null;

    private LocatedFile? Program(string name) => Programs.Find(name) is { } path ? At(path) : null;

    private LocatedFile? Library(string name)
    {
        var hardware = Libraries.HasHardwareVariant(name)
            ? $"the loader may take a build of {PrintableText.Escape(name)} for newer processors instead (glibc-hwcaps); name its path to be sure"
            : null;
        if (Libraries.Find(name) is { } exact)
        {
            return At(exact).WithNote(hardware);
        }

        var found = Libraries.FindByShortName(name);
        return found.Count == 0 ? null
            : At(found[0]).WithNote(found.Count > 1 ? $"'{PrintableText.Escape(name)}' could also mean {string.Join(", ", found.Skip(1).Select(PrintableText.Escape))}" : null);
    }

    private static IEnumerable<string> FilesIn(string directory) => Directory.Exists(directory)
        ? Directory.EnumerateFiles(directory, "*", s_allFiles).Take(20_000).Select(file => Path.GetFileName(file))
        : [];

    private Exception NotFound(string message, string name, IEnumerable<string> candidates)
    {
        if (Root.Length > 0 && !Directory.Exists(Root + "/"))
        {
            return new TargetException($"The files of process {_options.Pid} may not be read; run as its user or as root (CAP_SYS_PTRACE).");
        }

        // Compared by their last parts, shown as they would be written.
        var near = new NearMatches(name);
        var written = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var candidate in candidates)
        {
            var last = Path.GetFileName(candidate);
            written.TryAdd(last, candidate);
            near.Offer(last);
        }

        ImmutableArray<string> suggestions = [.. near.Names().Select(last => PrintableText.Escape(written[last]))];
        return new TargetNotFoundException(suggestions.IsEmpty ? message : $"{message} Did you mean {NearMatches.Join(suggestions)}?", suggestions);
    }
}
