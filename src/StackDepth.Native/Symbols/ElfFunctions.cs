using System.Runtime.InteropServices;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>
/// The functions of one file by address. The innermost function wins where they overlap; of several names at one address the best by <see cref="AliasOrder"/>, a sized function
/// before one of size 0 before an untyped label. A function of size 0 (assembly often has no sizes) reaches to the next symbol, the end of the function around it, or the end of its
/// section. Untyped labels count only outside of functions.
/// </summary>
internal sealed class ElfFunctions
{
    /// <summary>More symbols than this are not read: browsers with all their symbols have about half as many.</summary>
    internal const int MostSymbols = 4 << 20;

    /// <summary>Longer names, all together, are not read.</summary>
    internal const long MostNameBytes = 256L << 20;

    private readonly CodeRanges _code;
    private readonly List<ElfSymbolTable> _tables = [];
    private readonly List<Candidate> _candidates = [];

    internal ElfFunctions(CodeRanges code) => _code = code;

    private enum Kind : byte
    {
        Sized,
        Unsized,
        Label,
    }

    private record struct Candidate(ulong Start, ulong End, uint NameOffset, int NameLength, byte Table, byte Binding, Kind Kind);

    /// <summary>Adds what a table says of the code.</summary>
    /// <exception cref="ElfException">It is damaged: nothing of it is added.</exception>
    internal void Add(ElfSymbolTable table)
    {
        // Names may share tails, but not without end: a hostile table where all names overlap would cost (symbols x 64 KiB).
        var before = _candidates.Count;
        var budget = (16L * table.Strings.Length) + (1 << 20);
        try
        {
            _tables.Add(table);
            for (var i = 0; i < table.Count; i++)
            {
                ref readonly var symbol = ref table[i];
                if (IsCandidate(symbol) && _code.EndOf(symbol.Value) is var codeEnd and not 0)
                {
                    var name = ElfSymbolTable.WithoutVersion(table.FullNameOf(symbol));
                    budget -= name.Length + 1;
                    if (budget < 0 || _candidates.Count >= MostSymbols)
                    {
                        throw new ElfException(table.Path, $"has too many function names in {table.Source}, or they overlap without end.");
                    }

                    if (!name.IsEmpty && !IsMark(symbol, name))
                    {
                        _candidates.Add(Make(symbol, codeEnd, name.Length));
                    }
                }
            }
        }
        catch (ElfException)
        {
            CollectionsMarshal.SetCount(_candidates, before);
            throw;
        }
    }

    /// <summary>Builds the table; null when the names are too long.</summary>
    internal SymbolTable? Build(SymbolNaming naming)
    {
        _candidates.Sort(Compare);
        CloseUnsized();
        var builder = new SymbolTableBuilder();
        foreach (ref readonly var candidate in CollectionsMarshal.AsSpan(_candidates))
        {
            builder.Add(candidate.Start, candidate.End);
        }

        return builder.Build(i => NameOf(_candidates[i]), MostNameBytes, naming);
    }

    private static bool IsCandidate(in ElfSymbol symbol) =>
        symbol.IsDefined && (symbol.IsFunction || symbol.IsIndirectFunction || symbol.Type == ElfConstants.SymbolUntyped);

    // Marks between code and data in arm64's symbol tables ($x, $d), and compilers' own labels.
    private static bool IsMark(in ElfSymbol symbol, ReadOnlySpan<byte> name) =>
        symbol.Type == ElfConstants.SymbolUntyped && (name[0] == (byte)'$' || name.StartsWith(".L"u8));

    private Candidate Make(in ElfSymbol symbol, ulong codeEnd, int nameLength)
    {
        var end = symbol.Size == 0 ? 0 : symbol.Size < codeEnd - symbol.Value ? symbol.Value + symbol.Size : codeEnd;
        var kind = symbol.Type == ElfConstants.SymbolUntyped ? Kind.Label : symbol.Size == 0 ? Kind.Unsized : Kind.Sized;
        return new Candidate(symbol.Value, end, symbol.Name, nameLength, (byte)(_tables.Count - 1), symbol.Binding, kind);
    }

    private ReadOnlySpan<byte> NameOf(Candidate candidate) => _tables[candidate.Table].Strings.Slice((int)candidate.NameOffset, candidate.NameLength);

    // Those that win come last: the innermost begins last, and at one address the better name.
    private int Compare(Candidate a, Candidate b) =>
        a.Start != b.Start ? a.Start.CompareTo(b.Start)
        : a.Kind != b.Kind ? b.Kind.CompareTo(a.Kind)
        : AliasOrder.Compare(b.Binding, NameOf(b), a.Binding, NameOf(a));

    private void CloseUnsized()
    {
        var candidates = CollectionsMarshal.AsSpan(_candidates);
        var covered = 0UL;
        for (int first = 0, next; first < candidates.Length; first = next)
        {
            var start = candidates[first].Start;
            for (next = first; next < candidates.Length && candidates[next].Start == start; next++)
            {
                // The function around a label can begin at the same address.
                covered = candidates[next].Kind == Kind.Sized ? Math.Max(covered, candidates[next].End) : covered;
            }

            for (var i = first; i < next; i++)
            {
                Close(ref candidates[i], covered, next < candidates.Length ? candidates[next].Start : ulong.MaxValue);
            }
        }
    }

    private void Close(ref Candidate candidate, ulong covered, ulong nextStart)
    {
        var isInside = covered > candidate.Start;
        if (candidate.Kind == Kind.Label && isInside)
        {
            candidate.End = candidate.Start;
        }
        else if (candidate.End == 0)
        {
            candidate.End = Math.Min(nextStart, isInside ? covered : _code.EndOf(candidate.Start));
        }
    }
}
