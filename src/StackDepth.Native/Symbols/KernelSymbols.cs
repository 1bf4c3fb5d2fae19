using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>The kernel's functions, as /proc/kallsyms tells them at one time. Immutable.</summary>
internal sealed class KernelSymbols
{
    private const string KernelModule = "[kernel]";

    // What reaches to a symbol of another module, or to none, reaches over the gap between them: no function is that long.
    private const ulong MostLengthOfLast = 64 * 1024;

    private readonly SymbolTable _table;
    private readonly string[] _modules;

    private KernelSymbols(SymbolTable table, string[] modules, string? restriction) => (_table, _modules, Restriction) = (table, modules, restriction);

    /// <summary>Why there are no names, and what to do about it; null when there are.</summary>
    internal string? Restriction { get; }

    internal int Count => _table.Count;

    internal static KernelSymbols Read(SymbolNaming naming, string path = "/proc/kallsyms")
    {
        try
        {
            // Larger by far than it ever is, as it comes from the kernel itself.
            return Parse(File.ReadAllBytes(path), naming);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Without($"{path} cannot be read: {error.Message}");
        }
    }

    /// <summary>Parses the text of /proc/kallsyms: address, type, name, and a module's name in brackets.</summary>
    internal static KernelSymbols Parse(ReadOnlySpan<byte> text, SymbolNaming naming)
    {
        var symbols = new List<Symbol>();
        var modules = new List<string> { KernelModule };
        var names = new List<byte>(text.Length / 2);
        var hidden = 0;
        foreach (var line in text.Split((byte)'\n'))
        {
            if (TryParse(text[line], out var address, out var type, out var name, out var module))
            {
                hidden += address == 0 ? 1 : 0;
                symbols.Add(new Symbol(address, names.Count, name.Length, ModuleNumber(modules, module), type));
                names.AddRange(name);
            }
        }

        return symbols.Count == 0 ? Without("/proc/kallsyms is empty: the kernel was built without CONFIG_KALLSYMS.")
            : hidden == symbols.Count ? Without("the kernel hides its addresses: run as root (CAP_SYSLOG), or set the sysctl kernel.kptr_restrict to 0.")
            : Build(symbols, CollectionsMarshal.AsSpan(names).ToArray(), modules, naming);
    }

    /// <summary>Names an address.</summary>
    internal SymbolizedAddress Resolve(ulong address, bool isExact)
    {
        var back = isExact || address == 0 ? 0UL : 1UL;
        var symbol = _table.Find(address - back, out var start);
        return symbol < 0
            ? new SymbolizedAddress(address, IsKernelAddress(address) ? KernelModule : null, null, 0)
            : new SymbolizedAddress(address, _modules[symbol], _table.NameOf(symbol), address - start);
    }

    /// <summary>Whether there is a function at an address.</summary>
    internal bool Knows(ulong address) => _table.Find(address, out _) >= 0;

    private static bool IsKernelAddress(ulong address) => (long)address < 0;

    private static KernelSymbols Without(string restriction) => new(SymbolTable.Empty, [], restriction);

    private static KernelSymbols Build(List<Symbol> symbols, byte[] names, List<string> modules, SymbolNaming naming)
    {
        // Those that win come last.
        symbols.Sort((a, b) => a.Address != b.Address
            ? a.Address.CompareTo(b.Address)
            : AliasOrder.Compare(b.Binding, names.AsSpan(b.Name, b.NameLength), a.Binding, names.AsSpan(a.Name, a.NameLength)));
        var builder = new SymbolTableBuilder();
        var functions = new List<Symbol>();
        for (int first = 0, next; first < symbols.Count; first = next)
        {
            for (next = first; next < symbols.Count && symbols[next].Address == symbols[first].Address; next++)
            {
            }

            for (var i = first; i < next; i++)
            {
                if (symbols[i].IsText && IsKernelAddress(symbols[i].Address))
                {
                    var after = next < symbols.Count ? symbols[next].Address : ulong.MaxValue;
                    var isLast = next == symbols.Count || symbols[next].Module != symbols[i].Module;
                    builder.Add(symbols[i].Address, isLast ? symbols[i].Address + Math.Min(after - symbols[i].Address, MostLengthOfLast) : after);
                    functions.Add(symbols[i]);
                }
            }
        }

        var table = builder.Build(i => names.AsSpan(functions[i].Name, functions[i].NameLength), long.MaxValue, naming)!;
        return new KernelSymbols(table, [.. builder.Kept.Select(function => modules[functions[function].Module])], null);
    }

    /// <summary>Parses a line of /proc/kallsyms; the module keeps its brackets.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> line, out ulong address, out byte type, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> module)
    {
        type = 0;
        name = module = default;
        if (!Utf8Parser.TryParse(line, out address, out var length, 'x') || line.Length < length + 4 || line[length] != (byte)' ' || line[length + 2] != (byte)' ')
        {
            return false;
        }

        type = line[length + 1];
        name = line[(length + 3)..];
        var tab = name.IndexOf((byte)'\t');
        if (tab >= 0)
        {
            module = name[(tab + 1)..];
            name = name[..tab];
        }

        return !name.IsEmpty;
    }

    private static ushort ModuleNumber(List<string> modules, ReadOnlySpan<byte> module)
    {
        if (module.IsEmpty)
        {
            return 0;
        }

        // Symbols of a module come together.
        var text = Encoding.UTF8.GetString(module);
        var at = modules[^1] == text ? modules.Count - 1 : modules.IndexOf(text);
        if (at < 0 && modules.Count <= ushort.MaxValue)
        {
            modules.Add(text);
            at = modules.Count - 1;
        }

        return (ushort)Math.Max(at, 0);
    }

    private readonly record struct Symbol(ulong Address, int Name, int NameLength, ushort Module, byte Type)
    {
        internal bool IsText => Type is (byte)'t' or (byte)'T' or (byte)'w' or (byte)'W';

        internal byte Binding => Type switch
        {
            (byte)'T' => ElfConstants.BindGlobal,
            (byte)'w' or (byte)'W' => ElfConstants.BindWeak,
            _ => ElfConstants.BindLocal,
        };
    }
}
