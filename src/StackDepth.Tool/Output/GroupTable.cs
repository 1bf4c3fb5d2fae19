using System.Collections.Immutable;
using Spectre.Console;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Output;

/// <summary>One line for each group. Where the terminal is narrow the key is cut, and no number is.</summary>
internal static class GroupTable
{
    private const int LeastKey = 8; // what a long key is folded to; below this it is cut
    private static readonly Style s_label = new(Color.Grey);
    private static readonly Style s_number = new(decoration: Decoration.Bold);

    internal static void Write(IAnsiConsole console, ImmutableArray<DepthGroup> groups, QueryRequest query)
    {
        string[][] numbers =
        [
            .. groups.Select(static group => (string[])
            [
                Numbers.OrDash(group.Depth.Max), Numbers.OrDash(group.Depth.Min), Numbers.OrDash(group.Depth.Mean), Numbers.Whole(group.Depth.Count),
                .. group.Answers.Select(static answer => Numbers.OrDash(answer.Max)),
            ]),
        ];
        string[] keys = [.. groups.Select(static group => PrintableName.Of(group.Key.Text))];
        var name = query.By switch { GroupKey.Comm => "comm", GroupKey.Pid => "pid", GroupKey.Tid => "tid", GroupKey.Completeness => "completeness", _ => "function" };
        string[] questions = [.. query.Questions.Select(static question => PrintableName.Of(question.Title))];
        string[] header = ["maximum", "minimum", "mean", "hits", .. questions];
        if (Widths(header, numbers).Sum() + header.Length + LeastKey + 1 <= console.Profile.Width)
            console.Write(Wide(name, header, keys, numbers));
        else
            WriteNarrow(console, name, ["max", "min", "mean", "hits", .. questions], keys, numbers);
    }

    private static Table Wide(string name, string[] header, string[] keys, string[][] numbers)
    {
        var table = new Table { Border = TableBorder.None };
        table.AddColumn(new TableColumn(new Text(name, s_label)).PadLeft(0));
        foreach (var title in header)
            table.AddColumn(new TableColumn(new Text(title, s_label)).RightAligned().NoWrap());
        for (var row = 0; row < keys.Length; row++)
            table.AddRow([new Text(keys[row]), new Text(numbers[row][0], s_number), .. numbers[row].Skip(1).Select(static number => new Text(number))]);
        return table;
    }

    /// <summary>In lines of its own: a table takes the room that is missing from every column alike.</summary>
    private static void WriteNarrow(IAnsiConsole console, string name, string[] header, string[] keys, string[][] numbers)
    {
        var widths = Widths(header, numbers);
        var room = int.Max(1, console.Profile.Width - widths.Sum() - widths.Length);
        Line(name, header, s_label);
        for (var row = 0; row < keys.Length; row++)
            Line(keys[row], numbers[row], Style.Plain);

        void Line(string key, string[] cells, Style style)
        {
            var line = Cut(key, room, console.Profile.Capabilities.Unicode);
            for (var column = 0; column < cells.Length; column++)
                line += " " + cells[column].PadLeft(widths[column]);
            console.Write(new Text(line, style));
            console.WriteLine();
        }
    }

    private static string Cut(string key, int room, bool unicode)
    {
        var mark = room <= 2 ? "" : unicode ? "…" : "~"; // a letter says more than that others are missing
        var length = key.Length;
        while (length > 0 && Shown().GetCellWidth() > room)
            length--;
        var shown = Shown();
        return shown + new string(' ', int.Max(0, room - shown.GetCellWidth()));

        string Shown() => length == key.Length ? key : key[..(length > 0 && char.IsHighSurrogate(key[length - 1]) ? length - 1 : length)] + mark;
    }

    private static int[] Widths(string[] header, string[][] rows)
    {
        var widths = new int[header.Length];
        for (var column = 0; column < header.Length; column++)
            widths[column] = rows.Append(header).Max(row => row[column].Length);
        return widths;
    }
}
