using System.Collections.Immutable;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>From what a user writes to places to probe. Nothing is ever executed.</summary>
internal static class TargetResolver
{
    // Scripts that start scripts: more than a few is a circle.
    private const int MaxScripts = 8;

    /// <summary>Resolves a binary and functions in it.</summary>
    /// <param name="binary">A path, a program on PATH, or a shared library (<c>libc.so.6</c>, <c>libc</c>, <c>c</c>).</param>
    /// <param name="symbols">A name, a glob (<c>*</c>, <c>?</c>, <c>[a-z]</c>), <c>name+offset</c>, or a virtual address <c>0x1234</c>. An offset or address where
    /// no instruction is known to begin is refused: a breakpoint in the middle of one breaks the target.</param>
    /// <param name="options">From where and for whom to look.</param>
    /// <returns>The open file with at least one site; the caller disposes it once the probe is attached.</returns>
    /// <exception cref="TargetNotFoundException">No such binary, or no such function in it.</exception>
    /// <exception cref="TargetException">It is refused; the message says why.</exception>
    internal static ProbeTarget Resolve(string binary, string symbols, ResolveOptions options)
    {
        var query = SymbolQuery.Parse(symbols);
        var locator = new BinaryLocator(options);
        var file = FollowScripts(locator.Locate(binary), binary, locator);
        try
        {
            return Resolve(binary, query, file, locator);
        }
        catch (ElfException e)
        {
            throw new TargetException(e.Message, e);
        }
        catch (FileNotFoundException e)
        {
            throw new TargetNotFoundException(e.Message, []);
        }
    }

    internal static LocatedFile FollowScripts(LocatedFile file, string binary, BinaryLocator locator)
    {
        var requested = binary;
        for (var count = 0; ; count++)
        {
            string? text;
            try
            {
                text = ScriptTarget.TryRead(file);
            }
            catch (ElfException e)
            {
                throw new TargetException(e.Message, e);
            }
            catch (FileNotFoundException e)
            {
                throw new TargetNotFoundException(e.Message, []);
            }

            if (text is null)
            {
                return file;
            }

            if (count == MaxScripts)
            {
                throw new TargetException($"{PrintableText.Escape(binary)} is a script that starts a script, and so on {MaxScripts} times; name the program itself.");
            }

            var next = ScriptTarget.Follow(file, requested, text, locator);
            file = next with { Note = file.WithNote(next.Note).Note };
            requested = next.Path;
        }
    }

    private static ProbeTarget Resolve(string binary, SymbolQuery query, LocatedFile file, BinaryLocator locator)
    {
        var image = ElfImage.Open(file.OpenPath, file.Path);
        try
        {
            CheckHasCode(image);

            // An address means the file that was named. A glob means the program's code, wherever it lives; a name, the launcher's own function first.
            var body = query.Address is null ? LauncherBody.TryFind(image, file, binary, locator) : null;
            if (body is not null && query.Glob is not null && ResolveInBody(binary, query, file, body, isLast: false, locator) is { } fromBody)
            {
                return fromBody;
            }

            using var debug = OpenDebugFile(image, file, locator, out var debugProblem);
            var matcher = new FunctionMatcher(image, debug, file.FileName, locator.Options.NopsBecomeCalls);
            var sites = Match(query, matcher, locator);
            if (!sites.IsEmpty && !IsIndirect(query, matcher))
            {
                var result = Target(binary, file, image, sites, matcher.LeftOut);
                image = null;
                return result;
            }

            if (body is not null && !matcher.MetIndirectFunction && ResolveInBody(binary, query, file, body, isLast: true, locator) is { } found)
            {
                return found;
            }

            throw new SymbolNotFound(file, image, matcher, locator, debugProblem).Create(query);
        }
        finally
        {
            image?.Dispose();
        }
    }

    // Null when nothing matches and this is not the last place to look. As the last place it says what is missing: the body's names are what the user meant.
    private static ProbeTarget? ResolveInBody(string binary, SymbolQuery query, LocatedFile launcher, LocatedFile body, bool isLast, BinaryLocator locator)
    {
        var file = body with
        {
            Note = launcher.WithNote($"{PrintableText.Escape(launcher.FileName)} is a launcher; its code lives in {PrintableText.Escape(body.Path)}").WithNote(body.Note).Note,
        };
        var image = ElfImage.Open(file.OpenPath, file.Path);
        try
        {
            using var debug = OpenDebugFile(image, file, locator, out var debugProblem);
            var matcher = new FunctionMatcher(image, debug, file.FileName, locator.Options.NopsBecomeCalls);
            var sites = Match(query, matcher, locator);
            if (sites.IsEmpty || IsIndirect(query, matcher))
            {
                return isLast ? throw new SymbolNotFound(file, image, matcher, locator, debugProblem).Create(query) : null;
            }

            var result = Target(binary, file, image, sites, matcher.LeftOut);
            image = null;
            return result;
        }
        finally
        {
            image?.Dispose();
        }
    }

    private static ImmutableArray<FunctionSite> Match(SymbolQuery query, FunctionMatcher matcher, BinaryLocator locator)
    {
        var sites = matcher.Match(query, locator.Options.MaxFunctions);
        return locator.Options.FindsColdParts ? ColdParts.Find(sites, matcher.Tables[0]) : sites;
    }

    // One name can be an IFUNC in its current version and a plain function in an old one (glibc's memcpy): the plain one is not what callers reach.
    private static bool IsIndirect(SymbolQuery query, FunctionMatcher matcher) => query.Glob is null && matcher.MetIndirectFunction;

    private static ProbeTarget Target(string binary, LocatedFile file, ElfImage image, ImmutableArray<FunctionSite> sites, IReadOnlyList<string> leftOut) => new()
    {
        Path = file.Path,
        RequestedBinary = binary,
        Note = leftOut.Count == 0 ? file.Note : file.WithNote(LeftOut(leftOut)).Note,
        File = image.File,
        IsProgram = image.IsProgram,
        Sites = sites,
    };

    private static string LeftOut(IReadOnlyList<string> functions)
    {
        const int shown = 3;
        var names = string.Join(", ", functions.Take(shown).Select(PrintableText.Escape)) + (functions.Count > shown ? ", ..." : "");
        return $"{functions.Count} {(functions.Count == 1 ? "function is" : "functions are")} left out, as the kernel cannot safely probe the first instruction ({names})";
    }

    private static ElfImage? OpenDebugFile(ElfImage image, LocatedFile file, BinaryLocator locator, out string? problem)
    {
        var finder = new DebugFileFinder(locator.Root);
        var debug = image.IsStripped ? finder.Find(image, file.Path) : null;
        problem = finder.Problem;
        return debug;
    }

    internal static void CheckHasCode(ElfImage image)
    {
        if (image.Type is not (ElfConstants.TypeExecutable or ElfConstants.TypeShared))
        {
            throw new ElfException(image.Path, image.Type switch
            {
                ElfConstants.TypeRelocatable => "is an object file for the linker; name the program or library that was linked from it.",
                ElfConstants.TypeCore => "is a core dump; name the program that dumped it.",
                _ => $"is an ELF file of type {image.Type}, neither a program nor a library.",
            });
        }

        if (image.CodeSegments.IsEmpty)
        {
            throw new ElfException(image.Path, "has no executable code.");
        }
    }
}
