using System.Diagnostics;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The files that a program will have mapped by the time its own code runs: itself, the loader (PT_INTERP), and what they need (DT_NEEDED), found as ld.so(8) finds them. A
/// guess made from outside: what it misses is asked for by the walker, what it has too much costs a table.
/// </summary>
internal sealed class LibraryClosure
{
    // More than any program needs: the files are anybody's, and can name thousands of libraries and of folders to look for them.
    private const int MaxFiles = 1000;
    private const int MaxInterpreters = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly ResolveOptions _options;
    private readonly LibrarySearch _search;
    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly List<string> _files = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private LibraryClosure(ResolveOptions options)
    {
        _options = options;
        _search = new LibrarySearch("", options.Variable("LD_LIBRARY_PATH"));
    }

    /// <summary>The paths of the files, links followed, without duplicates. Those that are no ELF files of this machine are left out.</summary>
    /// <param name="programs">Programs, scripts too (their interpreters are meant then), or libraries; absolute paths.</param>
    /// <param name="options">The environment and working directory that they run with.</param>
    internal static IReadOnlyList<string> Of(IEnumerable<string> programs, ResolveOptions options)
    {
        var closure = new LibraryClosure(options);
        foreach (var program in programs)
        {
            try
            {
                closure.AddProgram(program);
            }
            catch (Exception error) when (IsOfTheFiles(error))
            {
                // A circle of links, a cache of the loader's that may not be read: the walker asks for what is missing.
            }
        }

        return closure._files;
    }

    private void AddProgram(string path)
    {
        // Names that one program's search found count for that program only.
        _names.Clear();
        foreach (var file in Interpreters(path))
        {
            var pending = new Queue<(string Path, Requester? Parent)>();
            Enqueue(pending, RootedPath.Resolve("", file), null);
            var preloads = (_options.Variable("LD_PRELOAD") ?? "").Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries);
            while (pending.TryDequeue(out var next) && _files.Count < MaxFiles && !IsLate)
            {
                Add(next.Path, next.Parent, pending, next.Parent is null ? preloads : []);
            }
        }
    }

    private void Add(string path, Requester? parent, Queue<(string Path, Requester? Parent)> pending, string[] preloads)
    {
        try
        {
            using var image = ElfImage.Open(path);
            var self = new Requester(path, image.Dynamic, parent);
            _files.Add(path);
            if (self.Dynamic.Name is { } name)
            {
                _names.Add(name);
            }

            if (image.Interpreter is { Length: > 0 } loader)
            {
                Enqueue(pending, RootedPath.Resolve("", loader), self);
            }

            foreach (var needed in (ReadOnlySpan<string>)[.. preloads, .. self.Dynamic.Needed])
            {
                if (!IsLate && _names.Add(needed) && Find(needed, image, self) is { } found)
                {
                    Enqueue(pending, found, self);
                }
            }
        }
        catch (Exception error) when (IsOfTheFiles(error))
        {
            // It will not be loaded either, or the walker asks for it.
        }
    }

    private bool IsLate => Stopwatch.GetElapsedTime(_begin) > s_patience;

    private static bool IsOfTheFiles(Exception error) => error is ElfException or TargetException or IOException or UnauthorizedAccessException;

    // The search paths of those that led to a file count for it too, as long as they are DT_RPATH.
    private string? Find(string name, ElfImage image, Requester requester)
    {
        var found = _search.Find(name, image, requester.Path);
        for (var ancestor = requester.Parent; found is null && ancestor is not null && !name.Contains('/', StringComparison.Ordinal); ancestor = ancestor.Parent)
        {
            if (ancestor.Dynamic is { RPath: not null, RunPath: null })
            {
                using var other = ElfImage.Open(ancestor.Path);
                found = _search.Find(name, other, ancestor.Path);
            }
        }

        return found;
    }

    private void Enqueue(Queue<(string Path, Requester? Parent)> pending, string path, Requester? parent)
    {
        if (_seen.Add(path))
        {
            pending.Enqueue((path, parent));
        }
    }

    // A script, then what runs it: env(1) and the program that it names.
    private IEnumerable<string> Interpreters(string path)
    {
        for (var depth = 0; depth < MaxInterpreters; depth++)
        {
            if (FirstLine(path) is not { } words)
            {
                yield return path;
                yield break;
            }

            if (words.Length == 0 || !words[0].StartsWith('/'))
            {
                yield break;
            }

            if (Path.GetFileName(words[0]) != "env")
            {
                path = words[0];
                continue;
            }

            yield return words[0];
            var name = words.Skip(1).FirstOrDefault(static word => !word.StartsWith('-') && !word.Contains('=', StringComparison.Ordinal));
            if (name is null || new ProgramSearch("", _options.Variable("PATH"), _options.WorkingDirectory).Find(name) is not { } program)
            {
                yield break;
            }

            path = program;
        }
    }

    private static string[]? FirstLine(string path)
    {
        try
        {
            return ScriptTarget.TryRead(new LocatedFile(path, path)) is { } text
                ? text[2..].Split('\n')[0].Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries)
                : null;
        }
        catch (Exception error) when (IsOfTheFiles(error))
        {
            // Nothing that can be run; opening it as a program says so once more.
            return null;
        }
    }

    /// <summary>A file, and the one that needs it.</summary>
    private sealed record Requester(string Path, ElfDynamic Dynamic, Requester? Parent);
}
