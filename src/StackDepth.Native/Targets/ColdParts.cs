using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Finds the parts of functions that compilers put elsewhere because they are unlikely to run: <c>name.cold</c>, and <c>name.cold.1</c> of older gcc. They are local symbols, so a stripped file does not tell. A name
/// that several functions have, or parts, belongs to none for sure.
/// </summary>
internal static class ColdParts
{
    private static readonly byte[] Mark = ".cold"u8.ToArray();

    /// <summary>The sites with what the table of all symbols says of their cold parts.</summary>
    internal static ImmutableArray<FunctionSite> Find(ImmutableArray<FunctionSite> sites, ElfSymbolTable symbols)
    {
        if (symbols.Count == 0)
            return sites;
        var parts = Parts(symbols);
        var found = new ColdPart?[sites.Length];
        Array.Fill(found, new ColdPart(0, 0));
        if (parts.Count > 0)
            Assign(sites, symbols, parts, found);
        var result = sites.ToArray();
        for (var index = 0; index < result.Length; index++)
            result[index] = result[index] with { Cold = found[index] };
        return ImmutableCollectionsMarshal.AsImmutableArray(result);
    }

    /// <summary>The cold parts by the name of their function; null where several have the name.</summary>
    private static Dictionary<string, ColdPart?> Parts(ElfSymbolTable symbols)
    {
        Dictionary<string, ColdPart?> parts = new(StringComparer.Ordinal);
        foreach (var symbol in symbols.Functions())
        {
            var at = symbol.FullName.LastIndexOf(Mark);
            if (at < 1 || !symbol.Symbol.IsDefined || !IsNumberOrNothing(symbol.FullName[(at + Mark.Length)..]))
                continue;
            var name = Encoding.UTF8.GetString(symbol.FullName[..at]);
            ColdPart? part = new ColdPart(symbol.Symbol.Value, symbol.Symbol.Size);
            parts[name] = parts.ContainsKey(name) ? null : part;
        }
        return parts;
    }

    private static void Assign(ImmutableArray<FunctionSite> sites, ElfSymbolTable symbols, Dictionary<string, ColdPart?> parts, ColdPart?[] found)
    {
        Dictionary<ulong, int> places = new(sites.Length);
        for (var index = 0; index < sites.Length; index++)
            places[sites[index].Address] = index;
        Dictionary<string, ulong> owners = new(StringComparer.Ordinal);
        foreach (var symbol in symbols.Functions())
        {
            if (!symbol.Symbol.IsDefined)
                continue;
            var name = Encoding.UTF8.GetString(symbol.Name);
            if (!parts.TryGetValue(name, out var part))
                continue;
            // The second function of a name: neither is known to be the part's.
            if (!owners.TryAdd(name, symbol.Symbol.Value) && owners[name] != symbol.Symbol.Value)
            {
                part = null;
                if (places.TryGetValue(owners[name], out var other))
                    found[other] = null;
            }
            if (places.TryGetValue(symbol.Symbol.Value, out var index))
                found[index] = part;
        }
    }

    private static bool IsNumberOrNothing(ReadOnlySpan<byte> rest) => rest.IsEmpty || (rest[0] == '.' && rest[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0);
}
