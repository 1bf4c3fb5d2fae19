namespace StackDepth.Native.Targets;

/// <summary>Finds programs by name in the directories of PATH, as execvp(3) and shells do.</summary>
internal sealed class ProgramSearch(string root, string? path, string workingDirectory)
{
    // What execvp takes without a PATH (confstr _CS_PATH, with the usual local directory).
    private const string DefaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

    internal IEnumerable<string> Directories
    {
        get
        {
            foreach (var directory in (path ?? DefaultPath).Split(':'))
            {
                // An empty part is the working directory.
                yield return Path.Combine(workingDirectory, directory);
            }
        }
    }

    /// <summary>The first executable file of that name, or null.</summary>
    /// <param name="name">A name without a slash.</param>
    /// <param name="except">Directories to pass over.</param>
    internal string? Find(string name, Func<string, bool>? except = null)
    {
        foreach (var directory in Directories)
        {
            var candidate = $"{directory.TrimEnd('/')}/{name}";
            if (except?.Invoke(directory) != true && IsExecutable(root, candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>The first file of that name, when none of them is executable; or null.</summary>
    internal string? FindNotExecutable(string name) => Find(name) is not null ? null
        : Directories.Select(directory => $"{directory.TrimEnd('/')}/{name}").FirstOrDefault(candidate => File.Exists(root + RootedPath.Resolve(root, candidate)));

    /// <summary>Whether a path inside the root is a file that someone may execute.</summary>
    internal static bool IsExecutable(string root, string candidate)
    {
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        var real = root + RootedPath.Resolve(root, candidate);
        return !OperatingSystem.IsWindows() && File.Exists(real) && (File.GetUnixFileMode(real) & Execute) != 0;
    }
}
