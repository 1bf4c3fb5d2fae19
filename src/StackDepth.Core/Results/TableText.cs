using System.Text;

namespace StackDepth;

/// <summary>Writes a table for people: aligned columns under their names.</summary>
internal static class TableText
{
    private const int Gap = 2;

    internal static string Write(TableCells table)
    {
        if (table.Rows.IsEmpty)
            return "empty";
        List<string[]> lines = [[.. table.Names]];
        foreach (var row in table.Rows)
            lines.Add([.. row.Select(TableCells.Text)]);
        var widths = Enumerable.Range(0, table.Names.Length).Select(column => lines.Max(line => line[column].Length)).ToArray();
        var right = Enumerable.Range(0, table.Names.Length).Select(column => table.Rows.All(row => row[column] is null || TableCells.IsNumber(row[column]))).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            var start = text.Length;
            for (var column = 0; column < line.Length; column++)
            {
                text.Append(' ', column == 0 ? 0 : Gap);
                text.Append(right[column] ? line[column].PadLeft(widths[column]) : line[column].PadRight(widths[column]));
            }
            while (text.Length > start && text[^1] == ' ')
                text.Length--;
            text.Append('\n');
        }
        return text.ToString(0, text.Length - 1);
    }
}
