using System.Runtime.InteropServices;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Finds shared libraries as ld.so(8) does: DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, the loader's cache, the default directories.</summary>
/// <param name="root">The root directory of the process that is meant, or empty for our own. All paths in and out are inside it.</param>
/// <param name="libraryPath">LD_LIBRARY_PATH of the program that is meant.</param>
internal sealed class LibrarySearch(string root, string? libraryPath)
{
    private static readonly string Triplet = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

    private static readonly string[] DefaultDirectories =
        [$"/lib/{Triplet}", $"/usr/lib/{Triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];

    private LoaderCache? _cache;

    private LoaderCache Cache => _cache ??= LoaderCache.Read(root + RootedPath.Resolve(root, "/etc/ld.so.cache"));

    /// <summary>The file that a DT_NEEDED name or soname means.</summary>
    /// <param name="name">The name; one with a slash is a path.</param>
    /// <param name="requester">The file that needs it, for its search paths; null when nobody in particular does.</param>
    /// <param name="requesterPath">Where the requester is, for $ORIGIN.</param>
    /// <returns>Its path with links followed, or null.</returns>
    internal string? Find(string name, ElfImage? requester = null, string? requesterPath = null)
    {
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return Usable(name);
        }

        foreach (var directory in Directories(requester?.Dynamic, requesterPath))
        {
            if (Usable($"{directory}/{name}") is { } found)
            {
                return found;
            }
        }

        foreach (var entry in Cache.Entries)
        {
            if (entry.Name == name && !entry.NeedsHardware && Usable(entry.Path) is { } found)
            {
                return found;
            }
        }

        return Array.ConvertAll(DefaultDirectories, directory => Usable($"{directory}/{name}")).FirstOrDefault(found => found is not null);
    }

    /// <summary>The names of the libraries in the loader's cache.</summary>
    internal IEnumerable<string> KnownNames => Cache.Entries.Where(entry => !entry.NeedsHardware).Select(entry => entry.Name);

    /// <summary>Libraries which a short form (<c>libssl</c>, <c>ssl</c>) may mean, the highest version first.</summary>
    internal List<string> FindByShortName(string name)
    {
        var sonames = new SortedSet<string>(NaturalOrder.Instance);
        foreach (var entry in Cache.Entries)
        {
            if (LibraryName.IsShortFor(name, entry.Name))
            {
                sonames.Add(entry.Name);
            }
        }

        if (sonames.Count == 0)
        {
            sonames.Add(name.StartsWith("lib", StringComparison.Ordinal) ? $"{name}.so" : $"lib{name}.so");
        }

        var result = new List<string>();
        foreach (var soname in sonames.Reverse())
        {
            if (Find(soname) is { } path && !result.Contains(path))
            {
                result.Add(path);
            }
        }

        return result;
    }

    /// <summary>Whether the loader may take a build of this library for newer processors instead.</summary>
    internal bool HasHardwareVariant(string name)
    {
        foreach (var entry in Cache.Entries)
        {
            if (entry.NeedsHardware && entry.Name == name)
            {
                return true;
            }
        }

        return false;
    }

    private IEnumerable<string> Directories(ElfDynamic? dynamic, string? requesterPath)
    {
        // DT_RPATH counts only where there is no DT_RUNPATH.
        var before = dynamic?.RunPath is null ? Expand(dynamic?.RPath, requesterPath) : [];
        return before.Concat(Expand(libraryPath, null)).Concat(Expand(dynamic?.RunPath, requesterPath));
    }

    private static IEnumerable<string> Expand(string? list, string? requesterPath)
    {
        foreach (var part in (list ?? string.Empty).Split([':', ';'], StringSplitOptions.RemoveEmptyEntries))
        {
            var origin = requesterPath is null ? null : Path.GetDirectoryName(requesterPath);
            if (!part.Contains('$', StringComparison.Ordinal))
            {
                yield return part;
                continue;
            }

            if (origin is null || part.Contains("PLATFORM", StringComparison.Ordinal))
            {
                continue;
            }

            var path = part.Replace("${ORIGIN}", origin, StringComparison.Ordinal).Replace("$ORIGIN", origin, StringComparison.Ordinal);
            foreach (var lib in path.Contains("LIB", StringComparison.Ordinal) ? [$"lib/{Triplet}", "lib64", "lib"] : new[] { string.Empty })
            {
                yield return path.Replace("${LIB}", lib, StringComparison.Ordinal).Replace("$LIB", lib, StringComparison.Ordinal);
            }
        }
    }

    private string? Usable(string path)
    {
        if (!path.StartsWith('/'))
        {
            return null;
        }

        var real = RootedPath.Resolve(root, path);
        if (!File.Exists(root + real))
        {
            return null;
        }

        try
        {
            using var image = ElfImage.Open(root + real, path);
            return real;
        }
        catch (ElfException)
        {
            // As the loader does with a library of another machine, or a linker script: go on to the next directory.
            return null;
        }
    }
}
