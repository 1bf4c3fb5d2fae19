using System.Buffers;

namespace StackDepth;

/// <summary>Writes a table as RFC 4180 has it: a header, lines that end in CR LF, quotes around what needs them.</summary>
internal static class TableCsv
{
    private static readonly SearchValues<char> s_special = SearchValues.Create(",\"\r\n");

    internal static void Write(TableCells table, TextWriter writer)
    {
        if (table.Rows.IsEmpty)
            return;
        Write(table.Names, writer);
        foreach (var row in table.Rows)
            Write(row.Select(TableCells.Text), writer);
    }

    private static void Write(IEnumerable<string> cells, TextWriter writer)
    {
        var isFirst = true;
        foreach (var cell in cells)
        {
            if (!isFirst)
                writer.Write(',');
            isFirst = false;
            writer.Write(cell.AsSpan().ContainsAny(s_special) ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell);
        }
        writer.Write("\r\n");
    }
}
