using System.Runtime.InteropServices;
using StackDepth.Native.Load;

namespace StackDepth.Native.Unwind;

/// <summary>Gives each rule one number for all files, and writes it into the map. Not thread-safe.</summary>
internal sealed class UnwindRuleNumbers
{
    private readonly BpfMap _map;
    private readonly Dictionary<UnwindRule, uint> _numbers = [];

    /// <exception cref="Sys.KernelException">The kernel refuses to write the first rules.</exception>
    internal UnwindRuleNumbers(BpfMap map)
    {
        _map = map;
        var unsupported = new UnwindRule(CfaKind.Unsupported);
        _numbers.Add(default, UnwindMaps.NoRule);
        _numbers.Add(unsupported, UnwindMaps.UnsupportedRule);
        map.Write(UnwindMaps.UnsupportedRule, unsupported);
    }

    /// <summary>How many rules are stored.</summary>
    internal int Count => _numbers.Count;

    /// <summary>How many rules of files became <see cref="UnwindMaps.UnsupportedRule"/> because the map is full.</summary>
    internal long WithoutRoom { get; private set; }

    /// <summary>The numbers of a file's rules, which are in the map when this returns.</summary>
    /// <exception cref="Sys.KernelException">The kernel refuses; nothing has changed.</exception>
    internal uint[] NumbersOf(ReadOnlySpan<UnwindRule> rules)
    {
        var numbers = new uint[rules.Length];
        var first = (uint)_numbers.Count;
        var added = new List<UnwindRule>();
        var withoutRoom = 0;
        for (var i = 0; i < rules.Length; i++)
        {
            if (_numbers.TryGetValue(rules[i], out numbers[i]))
            {
                continue;
            }

            if (_numbers.Count == _map.Spec.MaxEntries)
            {
                numbers[i] = UnwindMaps.UnsupportedRule;
                withoutRoom++;
                continue;
            }

            _numbers.Add(rules[i], numbers[i] = (uint)_numbers.Count);
            added.Add(rules[i]);
        }

        try
        {
            Write(first, CollectionsMarshal.AsSpan(added));
        }
        catch
        {
            added.ForEach(rule => _numbers.Remove(rule));
            throw;
        }

        WithoutRoom += withoutRoom;
        return numbers;
    }

    private void Write(uint first, Span<UnwindRule> rules)
    {
        var keys = new uint[rules.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = first + (uint)i;
        }

        _map.UpdateAll(MemoryMarshal.AsBytes(keys.AsSpan()), MemoryMarshal.AsBytes(rules));
    }
}
