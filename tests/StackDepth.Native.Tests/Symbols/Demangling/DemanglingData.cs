namespace StackDepth.Native.Tests.Symbols.Demangling;

/// <summary>Lists of mangled names with what they are, columns separated by tabs (the head of each says how it was made).</summary>
internal static class DemanglingData
{
    private static readonly string Folder = Path.Combine("tests", "StackDepth.Native.Tests", "Symbols", "Demangling", "Data");

    internal static IReadOnlyList<string[]> Read(string name) =>
        [.. File.ReadLines(Find(name)).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t'))];

    /// <summary>How the file was made.</summary>
    internal static string Head(string name) => File.ReadLines(Find(name)).First();

    /// <summary>The source tree's file: the tests run from a folder below it.</summary>
    private static string Find(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, Folder, name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new FileNotFoundException($"The test data {name} is in no {Folder} above {AppContext.BaseDirectory}.");
    }
}
