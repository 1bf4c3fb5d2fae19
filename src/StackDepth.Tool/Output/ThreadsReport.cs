using System.Text.Json;
using Spectre.Console;

namespace StackDepth.Tool.Output;

/// <summary>The threads with their depths: a line for each, or one JSON object on one line (docs/tool.md is its schema).</summary>
internal static class ThreadsReport
{
    private static readonly string[] s_header = ["pid", "tid", "user", "kernel", "bytes"];

    /// <summary>In lines of its own, as a table takes the room that is missing from every column alike: numbers are not cut, and names come last.</summary>
    internal static void WriteTable(ThreadDepth[] threads, IAnsiConsole console)
    {
        string[][] rows = [.. threads.Select(static thread => (string[])
        [
            Numbers.Plain(thread.Pid), Numbers.Plain(thread.Tid), Bound(thread) + Numbers.Whole(thread.User), Numbers.Whole(thread.Kernel), Numbers.Whole(thread.BytesInUse),
        ])];
        var widths = s_header.Select((title, column) => rows.Append(s_header).Max(row => row[column].Length)).ToArray();
        Line(s_header, "comm", new Style(Color.Grey));
        for (var row = 0; row < rows.Length; row++)
            Line(rows[row], Name(threads[row]), threads[row].Completeness is Completeness.Complete ? Style.Plain : new Style(Color.Yellow));
        console.WriteLine();
        console.Write(new Text(Sum(threads), new Style(Color.Grey)));
        console.WriteLine();

        void Line(string[] cells, string name, Style style)
        {
            console.Write(new Text(string.Join("  ", cells.Select((cell, column) => cell.PadLeft(widths[column]))) + "  " + name, style));
            console.WriteLine();
        }
    }

    internal static void WriteJson(ThreadDepth[] threads, Stream output)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteStartArray("threads");
            foreach (var thread in threads)
            {
                json.WriteStartObject();
                json.WriteNumber("pid", thread.Pid);
                json.WriteNumber("tid", thread.Tid);
                json.WriteString("comm", thread.Comm);
                json.WriteNumber("user", thread.User);
                json.WriteNumber("kernel", thread.Kernel);
                json.WriteString("completeness", ReasonNames.Of(thread.Completeness));
                json.WriteString("reason", thread.Reason is StackReason.None ? null : ReasonNames.Of(thread.Reason));
                json.WriteNumber("bytesInUse", thread.BytesInUse);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }

    private static string Name(ThreadDepth thread)
    {
        var name = PrintableName.Of(thread.Comm);
        return thread.Completeness is Completeness.Complete ? name : $"{name}  ({ReasonNames.Of(thread.Completeness)}: {ReasonNames.Of(thread.Reason)})";
    }

    /// <summary>What an incomplete depth is: a least one, or one that bounds nothing.</summary>
    private static string Bound(ThreadDepth thread) => thread.Completeness switch
    {
        Completeness.Complete => "",
        Completeness.Approximate => "~",
        _ => ">=",
    };

    private static string Sum(ThreadDepth[] threads)
    {
        var incomplete = threads.Count(static thread => thread.Completeness is not Completeness.Complete);
        return threads.Length == 1
            ? $"1 thread, {(incomplete == 0 ? "complete" : "not complete")}"
            : $"{Numbers.Whole(threads.Length)} threads, {(incomplete == 0 ? "all complete" : $"{Numbers.Whole(incomplete)} not complete")}";
    }
}
