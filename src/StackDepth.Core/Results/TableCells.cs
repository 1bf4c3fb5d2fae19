using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>A result that takes several columns of a table.</summary>
internal interface ITableColumns
{
    /// <summary>Its columns, the same for all of its type.</summary>
    ImmutableArray<(string Name, object? Value)> Columns { get; }
}

/// <summary>A table as columns with names: texts, numbers, truth values, histograms, nulls.</summary>
internal sealed record TableCells(ImmutableArray<string> Names, ImmutableArray<ImmutableArray<object?>> Rows)
{
    internal static TableCells Of<TKey, TValue>(ImmutableArray<KeyValuePair<TKey, TValue>> table)
    {
        var names = ImmutableArray<string>.Empty;
        var rows = ImmutableArray.CreateBuilder<ImmutableArray<object?>>(table.Length);
        foreach (var (key, value) in table)
        {
            (string Name, object? Value)[] cells = [.. Split("key", key), .. Split("value", value)];
            if (names.IsEmpty)
                names = [.. cells.Select(static cell => cell.Name)];
            rows.Add([.. cells.Select(static cell => cell.Value)]);
        }
        return new(names, rows.MoveToImmutable());
    }

    /// <summary>A cell as text, in the invariant culture, what could steer a terminal escaped.</summary>
    internal static string Text(object? cell) => cell switch
    {
        null => "",
        bool truth => truth ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => PrintableText.EscapeAll(cell.ToString() ?? ""),
    };

    internal static bool IsNumber(object? cell) => cell is int or long or uint or ulong or short or ushort or byte or sbyte or double;

    private static IEnumerable<(string Name, object? Value)> Split(string name, object? value)
    {
        if (value is ITableColumns columns)
            return columns.Columns;
        if (value is ITuple tuple)
            return Enumerable.Range(0, tuple.Length).Select(index => (string.Create(CultureInfo.InvariantCulture, $"{name}{index + 1}"), Plain(tuple[index])));
        return [(name, Plain(value))];
    }

    private static object? Plain(object? value) => value is ProbeFunction function ? function.Name : value;
}
