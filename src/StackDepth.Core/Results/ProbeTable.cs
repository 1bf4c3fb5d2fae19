using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace StackDepth;

/// <summary>The result of a grouped query: one value per key.</summary>
public sealed class ProbeTable<TKey, TValue> : IReadOnlyDictionary<TKey, TValue>
    where TKey : notnull
{
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

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
