using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Elf;
using StackDepth.Native.Symbols;

namespace StackDepth.Native.Targets;

/// <summary>
/// Matches a query against the functions of one file. Names come from .symtab (its own, or the separate debug file's) and from .dynsym; places always come
/// from the file itself. Several names at one place give one site, under the name asked for, else the best one by <see cref="AliasOrder"/>.
/// </summary>
internal sealed class FunctionMatcher
{
    private readonly ElfImage _image;
    private readonly string _module;
    private readonly ElfSymbolTable[] _tables;
    private readonly CodeWindow _code;
    private readonly InstructionStarts _starts;
    private readonly bool _nopsBecomeCalls;
    private readonly List<string> _leftOut = [];

    /// <param name="image">The file to probe.</param>
    /// <param name="debug">Its separate debug file, when it is stripped and has one.</param>
    /// <param name="module">How sites name the file.</param>
    /// <param name="nopsBecomeCalls">See <see cref="ResolveOptions.NopsBecomeCalls"/>.</param>
    internal FunctionMatcher(ElfImage image, ElfImage? debug, string module, bool nopsBecomeCalls)
    {
        _nopsBecomeCalls = nopsBecomeCalls;
        _image = image;
        _module = module;
        _tables = [(debug ?? image).Symbols, image.DynamicSymbols];
        _code = new CodeWindow(image);
        _starts = new InstructionStarts(image, _tables, _code);
        HasLocalNames = _tables[0].Count > 0;
    }

    private readonly record struct Candidate(int Table, int Index, ulong Offset);

    /// <summary>False when only exported names are known.</summary>
    internal bool HasLocalNames { get; }

    internal ReadOnlySpan<ElfSymbolTable> Tables => _tables;

    /// <summary>Whether the last match met an IFUNC of the wanted name: its symbol is a resolver that picks the real function once.</summary>
    internal bool MetIndirectFunction { get; private set; }

    /// <summary>Functions that the last match's glob means but the kernel cannot probe.</summary>
    internal IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>The sites that match, ordered by offset; none when nothing matches.</summary>
    /// <exception cref="TargetException">More than <paramref name="limit"/>, or an offset or address outside of the code or at what the kernel cannot probe.</exception>
    internal ImmutableArray<FunctionSite> Match(SymbolQuery query, int limit)
    {
        _leftOut.Clear();
        if (query.Address is { } address)
        {
            return [Probeable(AtAddress(query.Text, address))];
        }

        MetIndirectFunction = false;
        var candidates = new List<Candidate>(16);
        var outside = false;
        for (var table = 0; table < _tables.Length; table++)
        {
            var functions = _tables[table].Functions();
            while (functions.MoveNext())
            {
                ref readonly var symbol = ref functions.Symbol;
                if (!symbol.IsDefined || functions.FullName.IsEmpty || !IsWanted(query, functions))
                {
                    continue;
                }

                if (symbol.IsIndirectFunction)
                {
                    MetIndirectFunction = true;
                }
                else if (_image.TryGetCodeOffset(symbol.Value, out var offset))
                {
                    candidates.Add(new Candidate(table, functions.Index, offset));
                }
                else
                {
                    outside = true;
                }
            }
        }

        if (candidates.Count == 0 && outside && query.Glob is null)
        {
            throw new TargetException($"'{PrintableText.Escape(query.Name)}' of {PrintableText.Escape(_image.Path)} does not lie in executable code of the file, so it cannot be probed.");
        }

        return Build(query, CollectionsMarshal.AsSpan(candidates), limit);
    }

    /// <summary>Functions of the file itself (several names at one place count once).</summary>
    internal int CountFunctions()
    {
        var places = new HashSet<ulong>();
        foreach (var table in _tables)
        {
            var functions = table.Functions();
            while (functions.MoveNext())
            {
                if (functions.Symbol is { IsDefined: true, IsFunction: true } symbol && _image.TryGetCodeOffset(symbol.Value, out var offset))
                {
                    places.Add(offset);
                }
            }
        }

        return places.Count;
    }

    private static bool IsWanted(SymbolQuery query, in ElfSymbolTable.FunctionEnumerator function)
    {
        if (query.Glob is { } glob)
        {
            return glob.MatchesAll || glob.IsMatch(function.Name);
        }

        // The cheap test first: nearly all names fail it.
        return function.FullName.StartsWith(query.NameBytes) && (query.HasVersion ? function.FullName : function.Name).SequenceEqual(query.NameBytes);
    }

    private ImmutableArray<FunctionSite> Build(SymbolQuery query, ReadOnlySpan<Candidate> candidates, int limit)
    {
        var offsets = new ulong[candidates.Length];
        var order = new int[candidates.Length];
        for (var i = 0; i < order.Length; i++)
        {
            (offsets[i], order[i]) = (candidates[i].Offset, i);
        }

        Array.Sort(offsets, order);
        var places = 0;
        for (var i = 0; i < offsets.Length; i++)
        {
            places += i == 0 || offsets[i] != offsets[i - 1] ? 1 : 0;
        }

        if (places > limit)
        {
            throw new TargetException(
                $"'{PrintableText.Escape(query.Text)}' matches {places} functions of {PrintableText.Escape(_image.Path)}, more than the limit of {limit}. Write a narrower glob, or raise AttachOptions.MaxFunctions.");
        }

        var sites = ImmutableArray.CreateBuilder<FunctionSite>(places);
        for (int start = 0, end; start < order.Length; start = end)
        {
            var best = candidates[order[start]];
            for (end = start + 1; end < order.Length && offsets[end] == offsets[start]; end++)
            {
                best = IsBetter(candidates[order[end]], best) ? candidates[order[end]] : best;
            }

            var site = Site(query, best);
            if (query.Glob is null)
            {
                sites.Add(Probeable(site));
            }
            else if (CannotBeProbed(site))
            {
                _leftOut.Add(site.Symbol);
            }
            else
            {
                sites.Add(site);
            }
        }

        return sites.Count > 0 || _leftOut.Count == 0
            ? sites.DrainToImmutable()
            : throw new TargetException(
                $"The kernel cannot probe the first instruction of any function of {PrintableText.Escape(_image.Path)} that '{PrintableText.Escape(query.Text)}' matches ({PrintableText.Escape(_leftOut[0])}{(_leftOut.Count > 1 ? ", ..." : "")}).");
    }

    private FunctionSite Site(SymbolQuery query, Candidate candidate)
    {
        ref readonly var symbol = ref _tables[candidate.Table][candidate.Index];
        var name = query.Glob is null ? query.Name : _tables[candidate.Table].NameOf(candidate.Index);
        if (query.Offset == 0)
        {
            return new FunctionSite(name, symbol.Value, candidate.Offset, symbol.Size, _module);
        }

        var address = unchecked(symbol.Value + query.Offset);
        var inside = address > symbol.Value && (symbol.Size == 0 || query.Offset < symbol.Size);
        if (!inside || !_image.TryGetCodeOffset(address, out var offset))
        {
            throw new TargetException(
                $"'{PrintableText.Escape(query.Text)}' lies outside of the function: '{PrintableText.Escape(name)}' of {PrintableText.Escape(_image.Path)} has {symbol.Size} bytes (0x{symbol.Size:x}).");
        }

        _starts.Check(query.Text, address, (name, symbol.Value));
        return new FunctionSite($"{name}+0x{query.Offset:x}", address, offset, symbol.Size == 0 ? 0 : symbol.Size - query.Offset, _module);
    }

    private bool CannotBeProbed(FunctionSite site) => UprobeInstruction.CannotBeProbed(Code(site), _image.Machine) || CrashesForks(site);

    private bool CrashesForks(FunctionSite site) => _nopsBecomeCalls && UprobeInstruction.IsFiveByteNop(Code(site), _image.Machine);

    private ReadOnlySpan<byte> Code(FunctionSite site) => _code.At(site.Offset, UprobeInstruction.MaxLength);

    private FunctionSite Probeable(FunctionSite site)
    {
        if (!CannotBeProbed(site))
        {
            return site;
        }

        var what = $"'{PrintableText.Escape(site.Symbol)}' of {PrintableText.Escape(_image.Path)} begins with";
        throw new TargetException(CrashesForks(site)
            ? $"{what} a five-byte nop, which this kernel makes a call that crashes children forked later: probe the instruction after it, '{PrintableText.Escape(site.Symbol)}+5' (if the function jumps back there, each jump counts too)."
            : $"{what} an instruction that the kernel cannot probe, or would execute wrongly ({Convert.ToHexStringLower(_code.At(site.Offset, 4))}...): probe its callers, or one of its next instructions (symbol+offset).");
    }

    private FunctionSite AtAddress(string text, ulong address)
    {
        if (!_image.TryGetCodeOffset(address, out var offset))
        {
            throw new TargetException(
                $"0x{address:x} is not in the executable code of {PrintableText.Escape(_image.Path)}. Addresses are virtual addresses as in the file (as readelf and objdump show them){CodeRange()}.");
        }

        Candidate? best = null;
        for (var table = 0; table < _tables.Length; table++)
        {
            var functions = _tables[table].Functions();
            while (functions.MoveNext())
            {
                ref readonly var symbol = ref functions.Symbol;
                if (symbol.IsDefined && !functions.FullName.IsEmpty && address >= symbol.Value && (address == symbol.Value || address - symbol.Value < symbol.Size))
                {
                    var candidate = new Candidate(table, functions.Index, 0);
                    best = best is not { } other || IsBetter(candidate, other) ? candidate : best;
                }
            }
        }

        if (best is not { } found)
        {
            if (!_starts.IsInKnownCode(address))
            {
                throw _starts.InNoFunction(address);
            }

            _starts.Check(text, address, function: null);
            return new FunctionSite($"0x{address:x}", address, offset, 0, _module);
        }

        ref readonly var function = ref _tables[found.Table][found.Index];
        var delta = address - function.Value;
        var name = _tables[found.Table].NameOf(found.Index);
        _starts.Check(text, address, (name, function.Value));
        return new FunctionSite(delta == 0 ? name : $"{name}+0x{delta:x}", address, offset, delta < function.Size ? function.Size - delta : 0, _module);
    }

    private string CodeRange()
    {
        var text = new StringBuilder();
        foreach (ref readonly var segment in _image.CodeSegments)
        {
            text.Append(text.Length == 0 ? "; its code is at " : ", ").Append($"0x{segment.Address:x}-0x{unchecked(segment.Address + segment.FileSize):x}");
        }

        return text.ToString();
    }

    private bool IsBetter(Candidate candidate, Candidate other)
    {
        ref readonly var a = ref _tables[candidate.Table][candidate.Index];
        ref readonly var b = ref _tables[other.Table][other.Index];
        return AliasOrder.Compare(
            a.Binding,
            ElfSymbolTable.WithoutVersion(_tables[candidate.Table].FullNameOf(a)),
            b.Binding,
            ElfSymbolTable.WithoutVersion(_tables[other.Table].FullNameOf(b))) < 0;
    }
}
