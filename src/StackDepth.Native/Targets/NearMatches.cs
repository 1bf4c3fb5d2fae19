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
    private readonly string? _library;
    private int[] _row;
    private int[] _previous;
    private int[] _beforePrevious;
    private readonly SortedSet<(int Distance, int Length, string Name)> _best = new(Comparer<(int Distance, int Length, string Name)>.Create(static (a, b) =>
        a.Distance != b.Distance ? a.Distance - b.Distance : a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(a.Name, b.Name)));

    internal NearMatches(string wanted)
    {
        _wanted = wanted.Length > MaxNameLength ? wanted[..MaxNameLength] : wanted;
        _maxEdits = Math.Clamp(_wanted.Length / 4, 1, 4);
        _library = LibraryName.Body(_wanted);
        _row = new int[_wanted.Length + 1];
        _previous = new int[_row.Length];
        _beforePrevious = new int[_row.Length];
    }

    /// <summary>Considers a name.</summary>
    internal void Offer(string name)
    {
        // What was written is no suggestion: it exists, but was not usable where it was looked for.
        if (name.Length is 0 or > MaxNameLength || _wanted.Length == 0 || name == _wanted)
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
    internal ImmutableArray<string> Best() => [.. Names().Select(PrintableText.Escape)];

    /// <summary>The same, as they were offered.</summary>
    internal IEnumerable<string> Names() => _best.Select(entry => entry.Name);

    internal static string Join(ImmutableArray<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    private int DistanceTo(string name)
    {
        if (name.Equals(_wanted, StringComparison.OrdinalIgnoreCase))
        {
            return 0;
        }

        // Another version of the library that is meant, however the versions are written.
        if (_library is not null && LibraryName.Body(name) == _library)
        {
            return 1;
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

    // Edits are insertions, deletions, other letters, and two neighbours that changed places. Ended as soon as there are more than count as near.
    private int Edits(string name)
    {
        for (var i = 0; i < _row.Length; i++)
        {
            _row[i] = i;
        }

        for (var j = 1; j <= name.Length; j++)
        {
            (_row, _previous, _beforePrevious) = (_beforePrevious, _row, _previous);
            var least = _row[0] = j;
            for (var i = 1; i < _row.Length; i++)
            {
                var next = Math.Min(Math.Min(_previous[i], _row[i - 1]) + 1, _previous[i - 1] + (Same(i, j) ? 0 : 1));
                if (i > 1 && j > 1 && Same(i, j - 1) && Same(i - 1, j))
                {
                    next = Math.Min(next, _beforePrevious[i - 2] + 1);
                }

                _row[i] = next;
                least = Math.Min(least, next);
            }

            // The least of a row is at most one less than that of the row after it, and changed neighbours look back one row more.
            if (least > _maxEdits + 1)
            {
                return int.MaxValue;
            }
        }

        return _row[^1];

        bool Same(int i, int j) => char.ToUpperInvariant(_wanted[i - 1]) == char.ToUpperInvariant(name[j - 1]);
    }
}
