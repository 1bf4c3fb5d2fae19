using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>The result of a grouped query: one value per key. It has no order until it is given one.</summary>
public sealed class ProbeTable<TKey, TValue> : IReadOnlyDictionary<TKey, TValue>
    where TKey : notnull
{
    private const int RowsShown = 10;

    private readonly ImmutableDictionary<TKey, TValue> _values;
    private readonly ImmutableArray<KeyValuePair<TKey, TValue>> _rows;

    internal ProbeTable(ImmutableDictionary<TKey, TValue> values)
        : this(values, [.. values])
    {
    }

    private ProbeTable(ImmutableDictionary<TKey, TValue> values, ImmutableArray<KeyValuePair<TKey, TValue>> rows)
    {
        _values = values;
        _rows = rows;
    }

    /// <inheritdoc />
    public TValue this[TKey key] => _values[key];

    /// <inheritdoc />
    public IEnumerable<TKey> Keys => _rows.Select(static row => row.Key);

    /// <inheritdoc />
    public IEnumerable<TValue> Values => _rows.Select(static row => row.Value);

    /// <inheritdoc />
    public int Count => _values.Count;

    /// <inheritdoc />
    public bool ContainsKey(TKey key) => _values.ContainsKey(key);

    /// <inheritdoc />
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _values.TryGetValue(key, out value);

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() => ((IEnumerable<KeyValuePair<TKey, TValue>>)_rows).GetEnumerator();

    /// <summary>The same table in the order of something of its rows, the least first.</summary>
    public ProbeTable<TKey, TValue> OrderBy<TOrder>(Func<TKey, TValue, TOrder> by)
        where TOrder : IComparable<TOrder>
    {
        ArgumentNullException.ThrowIfNull(by);
        return new(_values, [.. _rows.OrderBy(row => by(row.Key, row.Value), Comparer<TOrder>.Default)]);
    }

    /// <summary>The same table in the order of something of its rows, the greatest first.</summary>
    public ProbeTable<TKey, TValue> OrderByDescending<TOrder>(Func<TKey, TValue, TOrder> by)
        where TOrder : IComparable<TOrder>
    {
        ArgumentNullException.ThrowIfNull(by);
        return new(_values, [.. _rows.OrderByDescending(row => by(row.Key, row.Value), Comparer<TOrder>.Default)]);
    }

    /// <summary>The rows with the greatest of something, the greatest first.</summary>
    public ProbeTable<TKey, TValue> Top<TOrder>(int count, Func<TKey, TValue, TOrder> by)
        where TOrder : IComparable<TOrder>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var rows = OrderByDescending(by)._rows;
        rows = rows[..int.Min(count, rows.Length)];
        return new(rows.ToImmutableDictionary(), rows);
    }

    /// <summary>
    /// All rows in their order as columns, numbers to the right, with a line of headings. A key of several values has a column for each, and so have statistics. Names come from the target: what could
    /// steer a terminal is escaped.
    /// </summary>
    public string ToText() => TableText.Write(Cells());

    /// <summary>
    /// All rows in their order as CSV (RFC 4180, with a header), numbers in the invariant culture. Control characters in names are escaped as <c>\xNN</c>. A program that takes cells which begin with
    /// <c>=</c> for formulas should be told that they are text: names come from the target.
    /// </summary>
    public void WriteCsv(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        TableCsv.Write(Cells(), writer);
    }

    /// <summary>All rows in their order as a JSON array of objects, in UTF-8, a property for each column; a histogram is an array of its buckets.</summary>
    public void WriteJson(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        TableJson.Write(Cells(), stream);
    }

    /// <summary>Some rows, <c>key: value</c>, each on its own line, and how many more there are.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (key, value) in _rows.Take(RowsShown))
            text.Append(PrintableText.Escape(string.Create(CultureInfo.InvariantCulture, $"{key}: {value}"))).Append('\n');
        if (Count > RowsShown)
            text.Append(CultureInfo.InvariantCulture, $"... {Count - RowsShown:N0} more\n");
        return Count == 0 ? "empty" : text.ToString(0, text.Length - 1);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private TableCells Cells() => TableCells.Of(_rows);
}

/// <summary>What tables can do whose values have an order.</summary>
public static class ProbeTableExtensions
{
    extension<TKey, TValue>(ProbeTable<TKey, TValue> table)
        where TKey : notnull
        where TValue : IComparable<TValue>
    {
        /// <summary>The rows with the greatest values, the greatest first.</summary>
        public ProbeTable<TKey, TValue> Top(int count) => table.Top(count, static (_, value) => value);
    }
}
