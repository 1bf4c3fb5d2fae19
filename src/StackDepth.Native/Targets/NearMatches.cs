using System.Collections.Immutable;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Collects the names nearest to one that was not found: other case, part of it, or few edits away.</summary>
internal sealed class NearMatches
{
    private const int MaxSuggestions = 5;
    private const int MaxNameLength = 256;

    private readonly string _wanted;
    private readonly int _maxEdits;
    private readonly int[] _row;
    private readonly SortedSet<(int Distance, int Length, string Name)> _best = new(Comparer<(int Distance, int Length, string Name)>.Create(static (a, b) =>
        a.Distance != b.Distance ? a.Distance - b.Distance : a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(a.Name, b.Name)));

    internal NearMatches(string wanted)
    {
        _wanted = wanted.Length > MaxNameLength ? wanted[..MaxNameLength] : wanted;
        _maxEdits = Math.Clamp(_wanted.Length / 4, 1, 4);
        _row = new int[_wanted.Length + 1];
    }

    /// <summary>Considers a name.</summary>
    internal void Offer(string name)
    {
        if (name.Length is 0 or > MaxNameLength || _wanted.Length == 0)
        {
            return;
        }

        var distance = DistanceTo(name);
        if (distance < int.MaxValue && (_best.Count < MaxSuggestions || distance <= _best.Max.Distance) && _best.Add((distance, name.Length, name)) && _best.Count > MaxSuggestions)
        {
            _best.Remove(_best.Max);
        }
    }

    /// <summary>The nearest names, best first, safe to print.</summary>
    internal ImmutableArray<string> Best() => [.. _best.Select(entry => PrintableText.Escape(entry.Name))];

    internal static string Join(ImmutableArray<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    private int DistanceTo(string name)
    {
        if (name.Equals(_wanted, StringComparison.OrdinalIgnoreCase))
        {
            return 0;
        }

        if (Math.Abs(name.Length - _wanted.Length) <= _maxEdits && Edits(name) is var edits && edits <= _maxEdits)
        {
            return edits;
        }

        // A part of the name, or a name that is part of what was written: behind all names with few edits.
        return (_wanted.Length >= 3 && name.Contains(_wanted, StringComparison.OrdinalIgnoreCase)) || (name.Length >= 4 && name.Length * 2 > _wanted.Length && _wanted.Contains(name, StringComparison.OrdinalIgnoreCase))
            ? 10 + Math.Abs(name.Length - _wanted.Length)
            : int.MaxValue;
    }

    // Levenshtein distance in one row, ended as soon as it exceeds what counts as near.
    private int Edits(string name)
    {
        for (var i = 0; i < _row.Length; i++)
        {
            _row[i] = i;
        }

        for (var j = 1; j <= name.Length; j++)
        {
            var diagonal = _row[0];
            var least = _row[0] = j;
            for (var i = 1; i < _row.Length; i++)
            {
                var cost = char.ToUpperInvariant(_wanted[i - 1]) == char.ToUpperInvariant(name[j - 1]) ? 0 : 1;
                var next = Math.Min(Math.Min(_row[i], _row[i - 1]) + 1, diagonal + cost);
                (diagonal, _row[i]) = (_row[i], next);
                least = Math.Min(least, next);
            }

            if (least > _maxEdits)
            {
                return int.MaxValue;
            }
        }

        return _row[^1];
    }
}
