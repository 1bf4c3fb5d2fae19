using System.Text;

namespace StackDepth.Benchmarks.Support;

/// <summary>docs/benchmarks.md: a section per benchmark between marks; a run replaces those that it made and keeps the others.</summary>
internal static class Document
{
    internal static string RepositoryRoot { get; } = FindRoot();

    internal static void Replace(string name, Section section, IEnumerable<string> order)
    {
        var path = Path.Combine(RepositoryRoot, "docs", "benchmarks.md");
        var old = File.Exists(path) ? File.ReadAllText(path) : "";
        var text = new StringBuilder();
        text.AppendLine("# Benchmarks").AppendLine();
        text.AppendLine("Written by `./benchmarks/run.sh`; not edited by hand. Medians of runs in which the two sides alternate. \"bpftrace\" is the release that").AppendLine(
            "`benchmarks/peer.sh` installs. Ratios travel between machines, absolute times do not: traps and page faults are far dearer in a virtual machine.");
        text.AppendLine().AppendLine($"Machine: {Machine.Describe()}.").AppendLine();
        foreach (var other in order)
        {
            var content = other == name ? section.Text : Between(old, other);
            if (content is not null)
                text.AppendLine(Begin(other)).AppendLine(content.Trim()).AppendLine(End(other)).AppendLine();
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text.ToString().TrimEnd() + "\n");
    }

    private static string Begin(string name) => $"<!-- begin {name} -->";

    private static string End(string name) => $"<!-- end {name} -->";

    private static string? Between(string text, string name)
    {
        var begin = text.IndexOf(Begin(name), StringComparison.Ordinal);
        var end = text.IndexOf(End(name), StringComparison.Ordinal);
        return begin < 0 || end < begin ? null : text[(begin + Begin(name).Length)..end];
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "StackDepth.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The benchmarks run from the repository: no StackDepth.sln above them.");
    }
}
