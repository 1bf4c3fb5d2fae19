using System.Text;

namespace StackDepth.Native.Elf;

/// <summary>
/// A symbol table with its names. Names stay bytes of the string table until someone keeps one: <see cref="Functions"/> walks the function symbols without
/// an allocation.
/// </summary>
internal sealed class ElfSymbolTable
{
    internal const ulong EntrySize = 24;

    // Longer than any name a compiler makes; a string table without terminators must not make each name a scan of the whole table.
    private const int MaxNameLength = 1 << 16;

    private readonly string _path;
    private readonly ElfSymbol[] _symbols;
    private readonly byte[] _strings;

    internal ElfSymbolTable(string path, string source, ElfSymbol[] symbols, byte[] strings)
    {
        _path = path;
        Source = source;
        _symbols = symbols;
        _strings = strings;
    }

    internal static ElfSymbolTable Empty { get; } = new(string.Empty, string.Empty, [], []);

    /// <summary><c>.symtab</c> or <c>.dynsym</c>.</summary>
    internal string Source { get; }

    /// <summary>The file's name for messages.</summary>
    internal string Path => _path;

    /// <summary>The string table, in which the names are.</summary>
    internal ReadOnlySpan<byte> Strings => _strings;

    /// <summary>Symbols of all kinds, the null symbol included.</summary>
    internal int Count => _symbols.Length;

    internal ref readonly ElfSymbol this[int index] => ref _symbols[index];

    /// <summary>The symbols that are functions or IFUNCs, defined or imported, in the table's order.</summary>
    /// <exception cref="ElfException">While walking: a name lies outside the string table.</exception>
    internal FunctionEnumerator Functions() => new(this);

    /// <summary>A symbol's name as in the table; in .symtab it may carry a version (<c>memcpy@@GLIBC_2.14</c>).</summary>
    internal ReadOnlySpan<byte> FullNameOf(in ElfSymbol symbol)
    {
        if (symbol.Name >= (uint)_strings.Length)
        {
            throw new ElfException(_path, $"is damaged: a name of {Source} lies outside its string table.");
        }

        var rest = _strings.AsSpan((int)symbol.Name);
        var end = rest[..Math.Min(rest.Length, MaxNameLength)].IndexOf((byte)0);
        return end >= 0 ? rest[..end] : throw new ElfException(_path, $"is damaged: a name of {Source} does not end.");
    }

    /// <summary>The name without a version.</summary>
    internal string NameOf(int index) => Encoding.UTF8.GetString(WithoutVersion(FullNameOf(_symbols[index])));

    /// <summary>Cuts <c>@VERSION</c> and <c>@@VERSION</c> off, which the linker adds to names in .symtab.</summary>
    internal static ReadOnlySpan<byte> WithoutVersion(ReadOnlySpan<byte> name)
    {
        var at = name.IndexOf((byte)'@');
        return at > 0 ? name[..at] : name;
    }

    /// <summary>Walks function symbols. The current one is valid until the next move.</summary>
    internal ref struct FunctionEnumerator
    {
        private readonly ElfSymbolTable _table;
        private readonly ReadOnlySpan<ElfSymbol> _symbols;
        private long _nameBudget;
        private int _index;

        internal FunctionEnumerator(ElfSymbolTable table)
        {
            _table = table;
            _symbols = table._symbols;
            _index = -1;

            // Names may share tails, but not without end: a hostile table where all names overlap would cost (symbols x 64 KiB).
            _nameBudget = (64L * table._strings.Length) + (1 << 20);
        }

        public readonly FunctionEnumerator GetEnumerator() => this;

        public readonly FunctionEnumerator Current => this;

        /// <summary>The symbol's index in the table.</summary>
        internal readonly int Index => _index;

        internal readonly ref readonly ElfSymbol Symbol => ref _symbols[_index];

        /// <summary>The name with its version, if it has one.</summary>
        internal ReadOnlySpan<byte> FullName { get; private set; }

        /// <summary>The name without a version.</summary>
        internal readonly ReadOnlySpan<byte> Name => WithoutVersion(FullName);

        public bool MoveNext()
        {
            while (++_index < _symbols.Length)
            {
                ref readonly var symbol = ref _symbols[_index];
                if (!symbol.IsFunction && !symbol.IsIndirectFunction)
                {
                    continue;
                }

                FullName = _table.FullNameOf(symbol);
                _nameBudget -= FullName.Length + 1;
                return _nameBudget >= 0 ? true : throw new ElfException(_table._path, $"is damaged: the names of {_table.Source} overlap without end.");
            }

            return false;
        }
    }
}
