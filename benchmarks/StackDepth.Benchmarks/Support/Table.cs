using System.Globalization;
using System.Text;

namespace StackDepth.Benchmarks.Support;

/// <summary>A table, printed in Markdown with its columns aligned.</summary>
internal sealed class Table(params string[] head)
{
    private readonly List<string[]> _rows = [head];

    internal void Add(params string[] cells) => _rows.Add(cells);

    public override string ToString()
    {
        var widths = Enumerable.Range(0, head.Length).Select(column => _rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        for (var index = 0; index < _rows.Count; index++)
        {
            text.Append('|').AppendJoin('|', _rows[index].Select((cell, column) => column == 0 ? $" {cell.PadRight(widths[column])} " : $" {cell.PadLeft(widths[column])} ")).AppendLine("|");
            if (index == 0)
                text.Append('|').AppendJoin('|', widths.Select((width, column) => column == 0 ? new string('-', width + 2) : new string('-', width + 1) + ':')).AppendLine("|");
        }
        return text.ToString();
    }

    internal static string Number(double value, int decimals = 0) => value.ToString("N" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    internal static string Verdict(bool met) => met ? "met" : "MISSED";
}

/// <summary>What a benchmark prints, and writes into the document.</summary>
internal sealed record Section(string Title, string Body)
{
    internal string Text => $"## {Title}\n\n{Machine.RunLine()}\n\n{Body.Trim()}\n";
}
