using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Says why a function was not found, and what to write instead.</summary>
internal sealed partial class SymbolNotFound(LocatedFile file, ElfImage image, FunctionMatcher matcher, BinaryLocator locator, string? debugProblem)
{
    private const int MaxLibraries = 128;

    internal Exception Create(SymbolQuery query)
    {
        var name = PrintableText.Escape(query.Name);
        var path = PrintableText.Escape(file.Path);
        if (matcher.MetIndirectFunction && query.Glob is null)
        {
            return IndirectFunction(query, name, path);
        }

        if (query.Glob is null && IsImported(query.NameBytes))
        {
            return Imported(query, name, path);
        }

        if (query.Glob is null && FindDefinition(query) is { } home)
        {
            return new TargetNotFoundException($"{path} has no function '{name}', but {PrintableText.Escape(home)}, which it needs, has one; name that library as the target.", [home]);
        }

        var near = Near(query);
        var message = new StringBuilder();
        message.Append(query.Glob is null ? $"{path} has no function '{name}'" : $"No function of {path} matches '{name}'").Append(" (").Append(CountText()).Append(").");
        if (query.Glob is not null && matcher.MetIndirectFunction)
        {
            message.Append(" Only IFUNCs match: their symbols are resolvers that run once, not the functions.");
        }

        if (!near.IsEmpty)
        {
            message.Append(" Did you mean ").Append(NearMatches.Join(near)).Append('?');
        }

        message.Append(MangledHint(query));
        return new TargetNotFoundException(message.ToString(), near);
    }

    private string CountText()
    {
        var count = matcher.CountFunctions();
        var functions = count == 1 ? "1 function" : $"{count} functions";
        if (matcher.HasLocalNames)
        {
            return $"it has {functions}";
        }

        var buildId = image.BuildId.IsEmpty ? string.Empty : $" for build-id {Convert.ToHexStringLower(image.BuildId)}";
        var named = count == 0 ? "exports no functions" : $"only {functions} that it exports {(count == 1 ? "has a name" : "have names")}";
        return $"it is stripped, and {named}; install its debug symbols{buildId}, or write an address such as 0x1234"
            + (debugProblem is null ? string.Empty : $"; {debugProblem.TrimEnd('.')}");
    }

    private ImmutableArray<string> Near(SymbolQuery query)
    {
        var needle = query.Glob is null ? query.Name : query.Name.Trim('*', '?');
        var near = new NearMatches(needle.Contains("::", StringComparison.Ordinal) ? MangledParts(needle) ?? needle : needle);
        foreach (var table in matcher.Tables)
        {
            for (var functions = table.Functions(); functions.MoveNext();)
            {
                if (functions.Symbol is { IsDefined: true, IsFunction: true } && functions.Name.Length is > 0 and < 256)
                {
                    near.Offer(Encoding.UTF8.GetString(functions.Name));
                }
            }
        }

        return near.Best();
    }

    private TargetException IndirectFunction(SymbolQuery query, string name, string path)
    {
        // glibc's habit: memcpy's implementations are __memcpy_avx_unaligned and so on; others write name_avx2.
        var implementations = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var table in matcher.Tables)
        {
            for (var functions = table.Functions(); functions.MoveNext();)
            {
                if (functions.Symbol is { IsDefined: true, IsFunction: true } && functions.Name.TrimStart((byte)'_') is var bare
                    && bare.Length > query.NameBytes.Length + 1 && bare.StartsWith(query.NameBytes) && bare[query.NameBytes.Length] == '_')
                {
                    implementations.Add(Encoding.UTF8.GetString(functions.Name));
                }
            }
        }

        return new TargetException(
            $"'{name}' of {path} is an IFUNC: its symbol is a resolver that runs once and picks the implementation for this processor, so a probe on it would not see the calls. "
                + (implementations.Count > 0
                    ? $"Probe an implementation instead, for instance with the glob '*{name}_*': {string.Join(", ", implementations.Take(12).Select(PrintableText.Escape))}{(implementations.Count > 12 ? ", ..." : string.Empty)}."
                    : matcher.HasLocalNames ? "Probe the implementation by its own name." : "The names of its implementations are not in the file; install its debug symbols."));
    }

    private TargetNotFoundException Imported(SymbolQuery query, string name, string path)
    {
        var home = FindDefinition(query);
        return new TargetNotFoundException(
            home is null
                ? $"{path} only imports '{name}': the function lives in another library, which was not found among those that it needs ({string.Join(", ", image.Dynamic.Needed.Select(PrintableText.Escape))})."
                : $"{path} only imports '{name}': the function lives in {PrintableText.Escape(home)}; name that library as the target.",
            home is null ? [] : [home]);
    }

    private bool IsImported(ReadOnlySpan<byte> name)
    {
        foreach (var table in matcher.Tables)
        {
            for (var functions = table.Functions(); functions.MoveNext();)
            {
                if (!functions.Symbol.IsDefined && functions.Name.SequenceEqual(name))
                {
                    return true;
                }
            }
        }

        return false;
    }

    // Breadth first over DT_NEEDED, the order in which the loader looks names up.
    private string? FindDefinition(SymbolQuery query)
    {
        var pending = new Queue<(string Name, LocatedFile Requester)>(image.Dynamic.Needed.Select(needed => (needed, file)));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (seen.Count < MaxLibraries && pending.TryDequeue(out var next))
        {
            if (!seen.Add(next.Name) || Open(next.Name, next.Requester) is not { } found)
            {
                continue;
            }

            using var library = found.Image;
            for (var functions = library.DynamicSymbols.Functions(); functions.MoveNext();)
            {
                if (functions.Symbol.IsDefined && functions.Name.SequenceEqual(query.NameBytes))
                {
                    return found.File.Path;
                }
            }

            foreach (var needed in library.Dynamic.Needed)
            {
                pending.Enqueue((needed, found.File));
            }
        }

        return null;
    }

    private (LocatedFile File, ElfImage Image)? Open(string name, LocatedFile requester)
    {
        try
        {
            using var requesting = requester == file ? null : ElfImage.Open(requester.OpenPath, requester.Path);
            return locator.Needed(name, requesting ?? image, requester.Path) is { } found ? (found, ElfImage.Open(found.OpenPath, found.Path)) : null;
        }
        catch (Exception e) when (e is ElfException or FileNotFoundException)
        {
            // Only the hint about another library is lost by a library that cannot be read; the search goes on.
            return null;
        }
    }

    private static string MangledHint(SymbolQuery query)
    {
        if (!query.Name.Contains("::", StringComparison.Ordinal))
        {
            return string.Empty;
        }

        var parts = MangledParts(query.Name);
        return " Names in the file are mangled (C++, Rust): write the mangled name"
            + (parts is null ? " as nm shows it." : $", or a glob such as '*{PrintableText.Escape(parts)}*'.");
    }

    // Itanium mangling writes each part of a nested name with its length before it: Foo::bar is 3Foo3bar.
    private static string? MangledParts(string name)
    {
        var plain = name.Split('(')[0].Trim('*', ' ');
        return PlainNamePattern().IsMatch(plain) ? string.Concat(plain.Split("::").Select(part => $"{Encoding.UTF8.GetByteCount(part)}{part}")) : null;
    }

    [GeneratedRegex(@"^[A-Za-z_]\w*(::[A-Za-z_]\w*)+$", RegexOptions.CultureInvariant)]
    private static partial Regex PlainNamePattern();
}
