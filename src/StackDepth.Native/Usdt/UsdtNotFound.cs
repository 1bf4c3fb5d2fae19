using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Usdt;

/// <summary>Says why a USDT probe was not found, and what to write instead.</summary>
internal static class UsdtNotFound
{
    private const int Shown = 3;

    internal static Exception Create(UsdtQuery query, LocatedFile file, List<UsdtNote> notes, List<string> leftOut)
    {
        var path = PrintableText.Escape(file.Path);
        if (leftOut.Count > 0)
        {
            return new TargetException($"{path} has no probe that can be attached and matches {query.Shown}: {List(leftOut)}.");
        }

        if (notes.Count == 0)
        {
            return new TargetNotFoundException($"{path} has no USDT probes (no section .note.stapsdt): it was built without them, or they are in one of its libraries.", []);
        }

        // A glob has no near names: the parts of it that are not wild do.
        var near = new NearMatches(query.IsGlob ? query.Name.Trim('*', '?') : $"{query.Provider}:{query.Name}");
        foreach (var note in notes)
        {
            near.Offer(query.IsGlob ? note.Name : $"{note.Provider}:{note.Name}");
        }

        var best = near.Best();
        return new TargetNotFoundException(
            $"{path} has no USDT probe {query.Shown} (it has {notes.Count}: {List([.. notes.Select(static note => $"{note.Provider}:{note.Name}").Distinct()])})."
            + (best.IsEmpty ? "" : $" Did you mean {NearMatches.Join(best)}?"), best);
    }

    internal static string List(List<string> names) => string.Join(", ", names.Take(Shown).Select(PrintableText.Escape)) + (names.Count > Shown ? ", ..." : "");
}
