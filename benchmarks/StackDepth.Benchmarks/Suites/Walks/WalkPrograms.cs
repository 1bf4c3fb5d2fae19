using StackDepth.Benchmarks.Support;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>The programs that walks are measured on.</summary>
internal static class WalkPrograms
{
    internal const string Python = "/usr/bin/python3.11";

    /// <summary>Puts a build of native/walks.c into a folder that both sides see.</summary>
    internal static string Install(SharedFolder folder, string name)
    {
        var binary = Path.Combine(folder.Path, name);
        if (!File.Exists(binary))
            File.Copy(Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts", "native", name), binary);
        return binary;
    }
}
