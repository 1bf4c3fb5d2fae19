using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>The functions whose frames a query counts.</summary>
internal static class CountedFunctions
{
    /// <exception cref="ProbeQueryException">The text names no function.</exception>
    internal static void Check(string symbol)
    {
        try
        {
            MarkedFunctions.Parse(symbol ?? "");
        }
        catch (TargetException malformed)
        {
            throw new ProbeQueryException($"CountOf: {malformed.Message}");
        }
    }

    internal static FunctionMarks MarksFor(ImmutableArray<IrFunctions> counted) =>
        new([.. counted.Select(static functions => (IReadOnlyList<MarkedFunctions>)[.. functions.Names.Select(MarkedFunctions.Parse)])]);

    /// <summary>Refuses names that no file has that is known by now. Whoever names a file may mean one that is loaded later.</summary>
    /// <exception cref="TargetNotFoundException">There is such a name.</exception>
    internal static void RequireFound(FunctionMarks marks, ImmutableArray<ProbeTarget> targets)
    {
        if (marks.Missing.FirstOrDefault(static functions => functions.Module is null) is not { } missing)
            return;
        var near = Near(missing.Text, targets[0]);
        throw new TargetNotFoundException(
            $"Neither {string.Join(", ", targets.Select(static target => PrintableText.Escape(target.Path)).Distinct())} nor a library that it is known to load has a function '{PrintableText.Escape(missing.Text)}', whose frames are to be counted."
            + (near.IsEmpty ? "" : $" Did you mean {NearMatches.Join(near)}?")
            + $" For code that is loaded later write the file's name before it: MODULE!{PrintableText.Escape(missing.Text)}.", near);
    }

    private static ImmutableArray<string> Near(string name, ProbeTarget target)
    {
        var near = new NearMatches(name);
        using var image = ElfImage.Open(target.AttachPath, target.Path);
        foreach (var table in (ReadOnlySpan<ElfSymbolTable>)[image.Symbols, image.DynamicSymbols])
        {
            var functions = table.Functions();
            while (functions.MoveNext())
            {
                if (functions.Symbol.IsDefined)
                    near.Offer(table.NameOf(functions.Index));
            }
        }
        return near.Best();
    }
}
