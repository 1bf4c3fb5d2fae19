using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>Refuses names that there are not.</summary>
internal static class UnknownField
{
    private const int Most = 40;

    /// <param name="probe">The probe, as the user wrote it.</param>
    /// <param name="name">What it has not.</param>
    /// <param name="names">What it has.</param>
    internal static ProbeQueryException Create(string probe, string name, IReadOnlyCollection<string> names)
    {
        var near = new NearMatches(name);
        foreach (var candidate in names)
            near.Offer(candidate);
        var best = near.Best();
        return new(
            $"{PrintableText.Escape(probe)} has no \"{PrintableText.Escape(name)}\"."
            + (best.IsEmpty ? "" : $" Did you mean {NearMatches.Join(best)}?")
            + (names.Count == 0 ? " It has none that can be read." : $" It has {string.Join(", ", names.Take(Most).Select(PrintableText.Escape))}{(names.Count > Most ? ", ..." : "")}."));
    }
}
