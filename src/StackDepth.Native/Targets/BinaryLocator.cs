using System.Globalization;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Finds the file that a user's word for a binary means: a path, a program on PATH, a shared library; with a pid, as that process sees it.</summary>
internal sealed class BinaryLocator
{
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
            : NotFound($"{shown}: no such file{(Root.Length > 0 ? $" in the root directory of process {_options.Pid}" : string.Empty)}.", Path.GetFileName(path));
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

        var hint = File.Exists(Path.Combine(_options.WorkingDirectory, name)) ? $" A file of that name is in the working directory: write './{PrintableText.Escape(name)}'." : string.Empty;
        throw NotFound($"'{PrintableText.Escape(name)}' is neither a program on PATH nor a shared library that the loader knows.{hint}", name);
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

    private TargetNotFoundException NotFound(string message, string name)
    {
        var names = _mapped.ConvertAll(file => file.FileName);
        foreach (var directory in Root.Length == 0 ? Programs.Directories : [])
        {
            if (Directory.Exists(directory))
            {
                names.AddRange(Directory.EnumerateFiles(directory).Take(20_000).Select(file => Path.GetFileName(file)));
            }
        }

        var near = new NearMatches(name);
        names.ForEach(near.Offer);
        var suggestions = near.Best();
        return new TargetNotFoundException(suggestions.IsEmpty ? message : $"{message} Did you mean {NearMatches.Join(suggestions)}?", suggestions);
    }
}
