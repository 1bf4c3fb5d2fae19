using System.Diagnostics;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Python;

/// <summary>The Pythons of the machine whose frames can be counted, and the script that reports its own.</summary>
internal static class PythonTargets
{
    private static readonly Version Oldest = new(3, 9);

    /// <summary>The distribution's, and those of pyenv.</summary>
    internal static IReadOnlyDictionary<string, string> All { get; } = Find();

    internal static string Script => Builds.File("frames.py");

    /// <summary>The library that the script calls.</summary>
    internal static string Library => Builds.C("frames.so", "-O1", "-shared", "-fPIC", "-pthread", "frames.c");

    /// <summary>The script in a Python; it appends to the report.</summary>
    internal static ProcessStartInfo Command(string python, string report, string depths, string modes) =>
        new(python, ["-I", "-S", "-B", Script, Library, report, depths, modes]);

    private static Dictionary<string, string> Find()
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var minor = Oldest.Minor; minor < 20; minor++)
        {
            if (File.Exists($"/usr/bin/python3.{minor}"))
                found.Add($"system-3.{minor}", $"/usr/bin/python3.{minor}");
        }
        var versions = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        foreach (var folder in Directory.Exists(versions) ? Directory.GetDirectories(versions) : [])
        {
            var program = Path.Combine(folder, "bin", "python3");
            if (Version.TryParse(Path.GetFileName(folder), out var version) && version >= Oldest && File.Exists(program))
                found.Add($"pyenv-{version}", program);
        }
        return found;
    }
}
