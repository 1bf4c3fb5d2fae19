using System.Globalization;

namespace StackDepth.Tool.Diagnostics;

/// <summary>Says which capabilities are missing before anything else, and how to give them to the file that runs here.</summary>
internal static class MissingPrivileges
{
    private const string Status = "/proc/self/status";
    private static readonly (string Name, int Bit)[] s_needed = [("CAP_BPF", 39), ("CAP_PERFMON", 38)];
    private const int SysAdmin = 21; // includes both

    /// <summary>Null when the failure has another cause: the library knows it.</summary>
    internal static string? Describe(ProbeUnavailableException error)
    {
        if (Held() is not { } held || Has(held, SysAdmin))
            return null;
        var missing = s_needed.Where(need => !Has(held, need.Bit)).Select(static need => need.Name).ToArray();
        if (missing.Length == 0 || !missing.All(name => error.Remedy.Contains(name, StringComparison.Ordinal)))
            return null;
        return Sentence(missing, Environment.ProcessPath, error.Message.Replace(error.Remedy, "", StringComparison.Ordinal).Trim());
    }

    internal static string Sentence(string[] missing, string? executable, string failure)
    {
        var grant = Path.GetFileName(executable) is null or "dotnet"
            ? "Run it as root, or publish the tool as one executable and grant it to that file (setcap): granted to dotnet, every .NET program would have it."
            : $"Run it as root, or grant it to the tool: sudo setcap {string.Join(',', missing).ToLowerInvariant()}+ep '{executable}'";
        return $"No privilege: {string.Join(" and ", missing)} {(missing.Length == 1 ? "is" : "are")} missing. {grant}\n{failure} Run again with -v for all causes that were looked at.";
    }

    private static bool Has(ulong held, int bit) => ((held >> bit) & 1) != 0;

    private static ulong? Held()
    {
        const string Field = "CapEff:";
        foreach (var line in File.ReadLines(Status))
        {
            if (line.StartsWith(Field, StringComparison.Ordinal))
                return ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var held) ? held : null;
        }
        return null;
    }
}
