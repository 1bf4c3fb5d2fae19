using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>The result of a grouped query: one value per key.</summary>
public sealed class ProbeTable<TKey, TValue> : IReadOnlyDictionary<TKey, TValue>
    where TKey : notnull
{
    private const int RowsShown = 10;

    private readonly ImmutableDictionary<TKey, TValue> _values;

    internal ProbeTable(ImmutableDictionary<TKey, TValue> values) => _values = values;

    /// <inheritdoc />
    public TValue this[TKey key] => _values[key];

    /// <inheritdoc />
    public IEnumerable<TKey> Keys => _values.Keys;

    /// <inheritdoc />
    public IEnumerable<TValue> Values => _values.Values;

    /// <inheritdoc />
    public int Count => _values.Count;

    /// <inheritdoc />
    public bool ContainsKey(TKey key) => _values.ContainsKey(key);

    /// <inheritdoc />
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _values.TryGetValue(key, out value);

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() => _values.GetEnumerator();

    /// <summary>Some rows, <c>key: value</c>, each on its own line, and how many more there are. A table has no order.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (key, value) in _values.Take(RowsShown))
            text.Append(PrintableText.Escape(string.Create(CultureInfo.InvariantCulture, $"{key}: {value}"))).Append('\n');
        if (Count > RowsShown)
            text.Append(CultureInfo.InvariantCulture, $"... {Count - RowsShown:N0} more\n");
        return Count == 0 ? "empty" : text.ToString(0, text.Length - 1);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
