using System.Text;

namespace StackDepth.Native.Symbols;

/// <summary>Names for ranges of addresses. A name is made into text when it is first asked for. Thread-safe.</summary>
internal sealed class SymbolTable
{
    private readonly RangeIndex _index;
    private readonly ulong[] _starts;
    private readonly int[] _nameEnds;
    private readonly byte[] _names;
    private readonly string?[] _texts;
    private readonly SymbolNaming _naming;
    private long _textBytes;

    internal SymbolTable(RangeIndex index, ulong[] starts, int[] nameEnds, byte[] names, SymbolNaming naming)
    {
        (_index, _starts, _nameEnds, _names, _naming) = (index, starts, nameEnds, names, naming);
        _texts = new string?[starts.Length];
    }

    internal static SymbolTable Empty { get; } = new(RangeIndex.Empty, [], [], [], SymbolNaming.Raw);

    /// <summary>How many symbols own addresses.</summary>
    internal int Count => _starts.Length;

    /// <summary>What it takes of the managed heap, about.</summary>
    internal long Bytes => _index.Bytes + (_starts.LongLength * (sizeof(ulong) + sizeof(int) + sizeof(long))) + _names.LongLength + Interlocked.Read(ref _textBytes);

    /// <summary>Finds the symbol that an address belongs to. Allocates nothing.</summary>
    /// <returns>Its number, or -1.</returns>
    internal int Find(ulong address, out ulong start) => Find(address, out start, out _);

    /// <summary>Finds the symbol that an address belongs to. Allocates nothing.</summary>
    /// <param name="address">The address.</param>
    /// <param name="start">Where the symbol begins.</param>
    /// <param name="end">Up to where the answer is the same.</param>
    /// <returns>Its number, or -1.</returns>
    internal int Find(ulong address, out ulong start, out ulong end)
    {
        var symbol = _index.Find(address, out end);
        start = symbol < 0 ? 0 : _starts[symbol];
        return symbol;
    }

    /// <summary>A symbol's name as it is in the file.</summary>
    internal ReadOnlySpan<byte> RawNameOf(int symbol)
    {
        var start = symbol == 0 ? 0 : _nameEnds[symbol - 1];
        return _names.AsSpan(start, _nameEnds[symbol] - start);
    }

    /// <summary>A symbol's name, demangled. The same text each time.</summary>
    internal string NameOf(int symbol) => _texts[symbol] ?? Make(symbol);

    private string Make(int symbol)
    {
        const int ObjectOverhead = 22;
        var raw = Encoding.UTF8.GetString(RawNameOf(symbol));
        var text = _naming.Demangle(raw);
        if (Interlocked.CompareExchange(ref _texts[symbol], text, null) is { } earlier)
        {
            return earlier;
        }

        var bytes = (text.Length * (long)sizeof(char)) + ObjectOverhead;
        Interlocked.Add(ref _textBytes, bytes);
        _naming.Memory?.Grew(bytes);
        return text;
    }
}
