namespace StackDepth.Native.Tests.Python;

/// <summary>A Python of the machine.</summary>
/// <param name="Version">Its version, two numbers of it.</param>
/// <param name="File">The file with its code: the library where there is one.</param>
/// <param name="Headers">The folder of its headers; null where they are not installed.</param>
internal sealed record PythonInstallation(Version Version, string File, string? Headers)
{
    internal static IReadOnlyDictionary<string, PythonInstallation> All { get; } = Find();

    private static Dictionary<string, PythonInstallation> Find()
    {
        var found = new Dictionary<string, PythonInstallation>(StringComparer.Ordinal);
        for (var minor = 6; minor < 20; minor++)
            Add($"system-3.{minor}", "/usr", new(3, minor), $"/usr/lib/x86_64-linux-gnu/libpython3.{minor}.so.1.0", $"/usr/bin/python3.{minor}");
        var versions = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        foreach (var folder in Directory.Exists(versions) ? Directory.GetDirectories(versions) : [])
        {
            if (Version.TryParse(Path.GetFileName(folder), out var version) && version.Major == 3)
                Add($"pyenv-{version}", folder, new(3, version.Minor), $"{folder}/lib/libpython3.{version.Minor}.so.1.0", $"{folder}/lib/libpython3.{version.Minor}m.so.1.0", $"{folder}/bin/python3");
        }
        return found;

        void Add(string name, string folder, Version version, params string[] files)
        {
            var headers = $"{folder}/include/python{version}";
            if (files.FirstOrDefault(System.IO.File.Exists) is { } file)
                found.Add(name, new(version, file, Directory.Exists($"{headers}/internal") ? headers : null));
        }
    }
}
