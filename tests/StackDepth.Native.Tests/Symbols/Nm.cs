using System.Globalization;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>What nm says of a file's code: the names with their addresses and sizes.</summary>
internal sealed class Nm
{
    private readonly Dictionary<ulong, List<(string Name, ulong Size)>> _byAddress = [];
    private readonly Dictionary<string, List<(ulong Address, ulong Size)>> _byName = new(StringComparer.Ordinal);
    private readonly ulong[] _starts;
    private readonly ulong _longest;

    internal Nm(string file)
    {
        Add(CompiledTargets.Run("nm", "--defined-only", "-f", "sysv", file));
        Add(CompiledTargets.Run("nm", "-D", "--defined-only", "-f", "sysv", file));
        Sized = [.. _byAddress.SelectMany(static pair => pair.Value.Select(symbol => (pair.Key, symbol.Size))).Where(static f => f.Size > 0).Distinct()];
        _starts = [.. Sized.Select(static f => f.Address).Distinct().Order()];
        _longest = Sized.Max(static f => f.Size);
    }

    internal List<(ulong Address, ulong Size)> Sized { get; }

    internal HashSet<string> NamesAt(ulong address) => [.. _byAddress.GetValueOrDefault(address, []).Select(static symbol => symbol.Name)];

    /// <summary>Whether a function of that name begins there and reaches as far as a place.</summary>
    internal bool Covers(ulong start, string name, ulong place) =>
        _byAddress.GetValueOrDefault(start, []).Exists(symbol => symbol.Name == name && (symbol.Size == 0 || place - start < symbol.Size));

    internal bool CoversAny(string name, ulong place) => _byName.GetValueOrDefault(name, []).Exists(symbol => place >= symbol.Address && place - symbol.Address < symbol.Size);

    /// <summary>Where the function begins that covers a place, and begins last.</summary>
    internal ulong Innermost(ulong place)
    {
        var at = Array.BinarySearch(_starts, place);
        for (at = at < 0 ? ~at - 1 : at; at >= 0 && place - _starts[at] < _longest; at--)
        {
            if (_byAddress[_starts[at]].Exists(symbol => place - _starts[at] < symbol.Size))
            {
                return _starts[at];
            }
        }

        return 0;
    }

    private void Add(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            // Name, value, class, type, size, line, section; 10 is STT_GNU_IFUNC.
            string[] words = [.. line.Split('|').Select(static word => word.Trim())];
            if (words is [var full, var value, _, "FUNC" or "NOTYPE" or "<OS specific>: 10", var length, ..])
            {
                var name = full.Split('@')[0];
                var address = ulong.Parse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                var size = length.Length > 0 && words[3] != "NOTYPE" ? ulong.Parse(length, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : 0;
                Get(_byAddress, address).Add((name, size));
                Get(_byName, name).Add((address, size));
            }
        }
    }

    private static List<TValue> Get<TKey, TValue>(Dictionary<TKey, List<TValue>> lists, TKey key)
        where TKey : notnull => lists.TryGetValue(key, out var list) ? list : lists[key] = [];
}
