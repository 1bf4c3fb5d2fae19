using System.Collections.Immutable;
using Spectre.Console;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Output;

/// <summary>The result for people. Names are written as <see cref="Text"/>, which knows no markup.</summary>
internal static class TableReport
{
    private static readonly Style s_label = new(Color.Grey);
    private static readonly Style s_number = new(decoration: Decoration.Bold);
    private static readonly Style s_bar = new(Color.Teal);

    internal static void Write(RunReport report) => Write(report, Terminal.Create());

    internal static void Write(RunReport report, IAnsiConsole console)
    {
        var stack = report.Query.Stack is MeasuredStack.Kernel ? "kernel stack" : "user stack";
        Line(console, $"{PrintableName.Of(report.Query.Probe.Text)}: {stack}, {Numbers.Probes(report.Sites.Length)}{End(report.End)}");
        if (report.TargetNote is { } note)
            Line(console, PrintableName.Of(note));
        console.WriteLine();
        Coverage(report, console);
        console.Write(Totals(report));
        if (report.Depths.Groups is { IsEmpty: false } groups)
        {
            console.WriteLine();
            GroupTable.Write(console, groups, report.Query);
        }
        if (!report.Depths.Total.Histogram.IsEmpty)
        {
            console.WriteLine();
            Coverage(report, console);
            console.Write(Histogram("depth", report.Depths.Total.Histogram, console));
        }
        for (var index = 0; index < report.Depths.Answers.Length; index++)
        {
            if (report.Depths.Answers[index].Histogram.IsEmpty)
                continue;
            console.WriteLine();
            console.Write(Histogram(PrintableName.Of(report.Query.Questions[index].Title), report.Depths.Answers[index].Histogram, console));
        }
        if (report.Depths.Deepest is { } deepest)
        {
            console.WriteLine();
            DeepestStack.Write(console, deepest, s_label);
        }
        console.WriteLine();
        console.Write(new Text("health: ", s_label));
        Line(console, HealthLine.Of(report), report.Health is { IsExact: true, Hits: > 0 } ? new Style(Color.Green) : new Style(Color.Yellow));
    }

    private static string End(RunEnd end) => end switch
    {
        RunEnd.Interrupt => ", interrupted",
        RunEnd.Duration => ", for the time given",
        _ => "",
    };

    private static void Coverage(RunReport report, IAnsiConsole console)
    {
        if (report.IsTotalPartial)
            Line(console, "over the groups that fitted:", new Style(Color.Yellow));
    }

    private static Table Totals(RunReport report)
    {
        ImmutableArray<DepthSummary> summaries = [report.Depths.Total, .. report.Depths.Answers];
        var table = Plain(new TableColumn("").PadLeft(0));
        table.ShowHeaders = summaries.Length > 1;
        table.AddColumn(Header(summaries.Length > 1 ? "depth" : "").RightAligned());
        foreach (var question in report.Query.Questions.Take(summaries.Length - 1))
            table.AddColumn(Header(PrintableName.Of(question.Title)).RightAligned());
        Row("maximum", [.. summaries.Select(static summary => Numbers.OrDash(summary.Max))]);
        Row("minimum", [.. summaries.Select(static summary => Numbers.OrDash(summary.Min))]);
        Row("mean", [.. summaries.Select(static summary => Numbers.OrDash(summary.Mean))]);
        Row("hits", [report.IsTotalPartial ? $"{Numbers.Whole(summaries[0].Count)} of {Numbers.Whole(report.Health.Hits)}" : Numbers.Whole(report.Health.Hits)]);
        return table;

        void Row(string name, string[] values) => table.AddRow([new Text(name, s_label), .. values.Select(static value => new Text(value, s_number))]);
    }

    private static Table Histogram(string what, ImmutableArray<HistogramBucket> buckets, IAnsiConsole console)
    {
        var table = Plain(Header(what).RightAligned().PadLeft(0).NoWrap(), Header("hits").RightAligned().NoWrap(), new TableColumn("").NoWrap());
        var ranges = new string[buckets.Length];
        int rangeWidth = what.Length, countWidth = "hits".Length;
        long greatest = 0;
        for (var index = 0; index < buckets.Length; index++)
        {
            var bucket = buckets[index];
            ranges[index] = bucket.Low == bucket.High ? Numbers.Whole(bucket.Low) : $"{Numbers.Whole(bucket.Low)} to {Numbers.Whole(bucket.High)}";
            rangeWidth = int.Max(rangeWidth, ranges[index].Length);
            countWidth = int.Max(countWidth, Numbers.Whole(bucket.Count).Length);
            greatest = long.Max(greatest, bucket.Count);
        }
        const int Paddings = 6;
        var width = int.Min(Bars.Longest, console.Profile.Width - rangeWidth - countWidth - Paddings);
        for (var index = 0; index < buckets.Length; index++)
        {
            var bar = Bars.Draw(buckets[index].Count, greatest, width, console.Profile.Capabilities.Unicode);
            table.AddRow(new Text(ranges[index]), new Text(Numbers.Whole(buckets[index].Count)), new Text(bar, s_bar));
        }
        return table;
    }

    private static Table Plain(params ReadOnlySpan<TableColumn> columns)
    {
        var table = new Table { Border = TableBorder.None };
        foreach (var column in columns)
            table.AddColumn(column);
        return table;
    }

    private static TableColumn Header(string name) => new(new Text(name, s_label));

    private static void Line(IAnsiConsole console, string text, Style? style = null)
    {
        console.Write(new Text(text, style));
        console.WriteLine();
    }
}
