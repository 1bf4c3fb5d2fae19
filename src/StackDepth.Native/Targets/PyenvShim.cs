using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// pyenv's shims are scripts that start one of several installed programs. The choice follows documented rules, which are followed here without running anything:
/// PYENV_VERSION, else the nearest .python-version from the working directory upwards, else the root's version file, else the next program on PATH.
/// </summary>
internal static class PyenvShim
{
    private const int MaxVersionFileLength = 64 << 10;

    /// <summary>Whether a script is such a shim.</summary>
    internal static bool IsShim(string script, out string pyenvRoot)
    {
        const string RootStart = "export PYENV_ROOT=\"";
        pyenvRoot = string.Empty;
        var execs = false;
        foreach (var range in script.AsSpan().Split('\n'))
        {
            var line = script.AsSpan()[range];
            if (line.StartsWith(RootStart, StringComparison.Ordinal) && line.EndsWith('"'))
            {
                pyenvRoot = line[RootStart.Length..^1].ToString();
            }

            execs |= line.StartsWith("exec \"", StringComparison.Ordinal) && line.EndsWith("/pyenv\" exec \"$program\" \"$@\"", StringComparison.Ordinal);
        }

        // Plain text only: what a shell would expand or unescape is not known here.
        return execs && pyenvRoot.StartsWith('/') && pyenvRoot.AsSpan().IndexOfAny("\"$`\\") < 0;
    }

    /// <summary>The program that the shim starts.</summary>
    internal static LocatedFile Follow(string shim, string pyenvRoot, BinaryLocator locator)
    {
        var program = Path.GetFileName(shim);
        var (versions, origin) = ReadVersions(locator, pyenvRoot);
        foreach (var version in versions)
        {
            if (version == "system")
            {
                if (FindSystem(locator, program, pyenvRoot) is { } system)
                {
                    return locator.At(system, $"{program} is pyenv's shim; version 'system' ({origin}) starts {system}");
                }
            }
            else if (Install(locator, pyenvRoot, version) is { } name
                && $"{pyenvRoot}/versions/{name}/bin/{program}" is var candidate && ProgramSearch.IsExecutable(locator.Root, candidate))
            {
                return locator.At(candidate, $"{program} is pyenv's shim; version {PrintableText.Escape(name)} ({origin}) starts {PrintableText.Escape(candidate)}");
            }
        }

        if (FindSystem(locator, program, pyenvRoot) is { } next)
        {
            return locator.At(next, $"{program} is pyenv's shim; no version that is chosen ({origin}) has it, so it starts {next}");
        }

        var others = Installed(locator, pyenvRoot).Where(version => ProgramSearch.IsExecutable(locator.Root, $"{pyenvRoot}/versions/{version}/bin/{program}"))
            .Select(version => PrintableText.Escape($"{pyenvRoot}/versions/{version}/bin/{program}")).ToArray();
        throw new TargetNotFoundException(
            $"{PrintableText.Escape(shim)} is pyenv's shim, and the version it would start ({PrintableText.Escape(string.Join(':', versions))}, {origin}) does not have '{program}'."
                + (others.Length > 0 ? $" Name one of these: {string.Join(", ", others)}." : string.Empty),
            [.. others]);
    }

    private static (string[] Versions, string Origin) ReadVersions(BinaryLocator locator, string pyenvRoot)
    {
        if (locator.Options.Variable("PYENV_VERSION") is { Length: > 0 } fromVariable)
        {
            return (fromVariable.Split(':', StringSplitOptions.RemoveEmptyEntries), "from PYENV_VERSION");
        }

        var file = FindVersionFile(locator) ?? $"{pyenvRoot}/version";
        var versions = File.Exists(locator.Root + file) ? ParseVersionFile(locator.Root + file) : [];
        return versions.Length > 0 ? (versions, $"from {PrintableText.Escape(file)}") : (["system"], $"as {PrintableText.Escape(file)} names none");
    }

    private static string? FindVersionFile(BinaryLocator locator)
    {
        foreach (var start in new[] { locator.Options.Variable("PYENV_DIR"), locator.Options.WorkingDirectory })
        {
            for (var directory = string.IsNullOrEmpty(start) ? null : start; directory is not null; directory = Path.GetDirectoryName(directory))
            {
                var file = Path.Join(directory, ".python-version");
                if (File.Exists(locator.Root + file))
                {
                    return file;
                }
            }
        }

        return null;
    }

    // The first word of each line; comments are left out, and so is what would lead out of the versions directory, as pyenv does.
    private static string[] ParseVersionFile(string path)
    {
        using var reader = new StreamReader(path);
        var buffer = new char[MaxVersionFileLength];
        var text = new string(buffer, 0, reader.ReadBlock(buffer));
        return text.Split('\n').Select(line => line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() ?? string.Empty)
            .Where(word => word.Length > 0 && !word.StartsWith('#')).SelectMany(word => word.Split(':', StringSplitOptions.RemoveEmptyEntries)).Where(IsSafe).ToArray();
    }

    private static bool IsSafe(string version) => version is not (".." or ".") && !version.Contains('/', StringComparison.Ordinal);

    // "3.12" means the newest installed 3.12.N, "python-3.12" the same; pre-releases never answer to a prefix.
    private static string? Install(BinaryLocator locator, string pyenvRoot, string version)
    {
        var plain = version.StartsWith("python-", StringComparison.Ordinal) ? version["python-".Length..] : version;
        var installed = Installed(locator, pyenvRoot);
        return !IsSafe(version) ? null
            : installed.Contains(version) ? version
            : installed.Contains(plain) ? plain
            : installed.Where(name => IsRelease(name) && (name.StartsWith(plain + ".", StringComparison.Ordinal) || name.StartsWith(plain + "-", StringComparison.Ordinal)))
                .Max(NaturalOrder.Instance);
    }

    private static List<string> Installed(BinaryLocator locator, string pyenvRoot)
    {
        var directory = $"{locator.Root}{pyenvRoot}/versions";
        return Directory.Exists(directory) ? [.. Directory.EnumerateDirectories(directory).Select(path => Path.GetFileName(path)).Order(NaturalOrder.Instance)] : [];
    }

    // pyenv's own list: -dev, -src, -latest, a1, b2, rc3, and free-threaded builds (3.13t).
    private static bool IsRelease(string name)
    {
        var bare = name.AsSpan().TrimEnd("0123456789");
        return !(name.EndsWith("-dev", StringComparison.Ordinal) || name.EndsWith("-src", StringComparison.Ordinal) || name.EndsWith("-latest", StringComparison.Ordinal)
            || (bare.Length < name.Length && (bare.EndsWith('a') || bare.EndsWith('b') || bare.EndsWith("rc", StringComparison.Ordinal)))
            || (name.Length > 1 && name[^1] == 't' && char.IsAsciiDigit(name[^2])));
    }

    private static string? FindSystem(BinaryLocator locator, string program, string pyenvRoot) =>
        locator.Programs.Find(program, except: directory => directory.TrimEnd('/') == $"{pyenvRoot}/shims");
}
