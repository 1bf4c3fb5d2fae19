using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Output;

/// <summary>The result as one JSON object on one line; docs/tool.md is its schema.</summary>
internal static class JsonReport
{
    internal static void Write(RunReport report)
    {
        using var output = StandardStreams.OpenOutput();
        Write(report, output);
    }

    internal static void Write(RunReport report, Stream output)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("probe", report.Query.Probe.Text);
            json.WriteString("binary", report.Sites.IsEmpty ? report.Query.Probe.Binary : report.Sites[0].Binary);
            json.WriteString("targetNote", report.TargetNote);
            json.WriteString("attachedBy", report.AttachedBy);
            json.WriteNumber("sites", report.Sites.Length);
            json.WriteString("stack", report.Query.Stack is MeasuredStack.Kernel ? "kernel" : "user");
            json.WriteString("walk", WalkNames.Of(report.Query.Stack is MeasuredStack.Kernel ? StackWalk.Kernel : report.Walk));
            WriteSummary(json, "depth", report.Depths.Total);
            WriteAnswers(json, report.Query.Questions, report.Depths.Answers);
            json.WriteString("depthCovers", report.IsTotalPartial ? "groups that fitted" : "all");
            if (report.Depths.Groups is { } groups)
                WriteGroups(json, groups, report.Query);
            WriteDeepest(json, report.Depths.Deepest);
            WriteHealth(json, report.Health, HealthLine.Of(report));
            json.WriteString("ended", report.End switch { RunEnd.Exit => "exit", RunEnd.Duration => "duration", _ => "interrupt" });
            WriteNullable(json, "exitCode", report.ExitCode);
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }

    // Where there are no groups there is nothing to answer with.
    private static void WriteAnswers(Utf8JsonWriter json, ImmutableArray<Question> questions, ImmutableArray<DepthSummary> answers)
    {
        for (var index = 0; index < questions.Length; index++)
            WriteSummary(json, questions[index].Member, index < answers.Length ? answers[index] : DepthSummary.Of([]));
    }

    private static void WriteSummary(Utf8JsonWriter json, string member, DepthSummary summary)
    {
        json.WriteStartObject(member);
        WriteNullable(json, "max", summary.Max);
        WriteNullable(json, "min", summary.Min);
        if (summary.Mean is { } mean)
            json.WriteNumber("mean", mean);
        else
            json.WriteNull("mean");
        json.WriteNumber("count", summary.Count);
        json.WriteStartArray("histogram");
        foreach (var bucket in summary.Histogram)
        {
            json.WriteStartObject();
            json.WriteNumber("low", bucket.Low);
            json.WriteNumber("high", bucket.High);
            json.WriteNumber("count", bucket.Count);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteGroups(Utf8JsonWriter json, ImmutableArray<DepthGroup> groups, QueryRequest query)
    {
        json.WriteString("by", query.By switch { GroupKey.Comm => "comm", GroupKey.Pid => "pid", GroupKey.Tid => "tid", GroupKey.Completeness => "completeness", _ => "function" });
        json.WriteStartArray("groups");
        foreach (var group in groups)
        {
            json.WriteStartObject();
            if (group.Key.Number is { } number)
                json.WriteNumber("key", number);
            else
                json.WriteString("key", group.Key.Text);
            if (group.Key.Address is { } address)
                json.WriteString("address", string.Create(CultureInfo.InvariantCulture, $"0x{address:x}"));
            WriteSummary(json, "depth", group.Depth);
            WriteAnswers(json, query.Questions, group.Answers);
            json.WriteNumber("hits", group.Depth.Count);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Runs of frames, so that deep recursion is short.</summary>
    private static void WriteDeepest(Utf8JsonWriter json, RecordHolder<long>? deepest)
    {
        if (deepest is null)
        {
            json.WriteNull("deepest");
            return;
        }
        var stack = deepest.Stack;
        json.WriteStartObject("deepest");
        json.WriteNumber("depth", deepest.Value);
        json.WriteNumber("pid", deepest.Pid);
        json.WriteNumber("tid", deepest.Tid);
        json.WriteString("comm", deepest.Comm);
        json.WriteString("function", deepest.Function.Name);
        json.WriteString("completeness", ReasonNames.Of(stack.Completeness));
        json.WriteString("reason", stack.Reason == StackReason.None ? null : ReasonNames.Of(stack.Reason));
        json.WriteNumber("frames", stack.Length);
        json.WriteNumber("omitted", stack.Omitted);
        json.WriteStartArray("runs");
        foreach (var run in stack.Fold())
        {
            json.WriteStartObject();
            json.WriteNumber("first", run.First < stack.OmittedAt ? run.First : run.First + stack.Omitted);
            json.WriteNumber("count", run.Count);
            json.WriteStartArray("frames");
            foreach (var frame in stack.Frames.AsSpan(run.First, run.Length))
            {
                json.WriteStartObject();
                json.WriteString("address", string.Create(CultureInfo.InvariantCulture, $"0x{frame.Address:x}"));
                json.WriteString("module", frame.Module);
                json.WriteString("symbol", frame.Symbol);
                json.WriteNumber("offset", frame.Offset);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHealth(Utf8JsonWriter json, ProbeHealth health, string text)
    {
        json.WriteStartObject("health");
        json.WriteNumber("hits", health.Hits);
        json.WriteNumber("missed", health.Missed);
        json.WriteNumber("dropped", health.Dropped);
        json.WriteNumber("keysLost", health.KeysLost);
        json.WriteNumber("errors", health.StackErrors);
        json.WriteNumber("complete", health.Complete);
        json.WriteNumber("truncated", health.Truncated);
        json.WriteNumber("broken", health.Broken);
        json.WriteNumber("approximate", health.Approximate);
        json.WriteNumber("undecided", health.Undecided);
        json.WriteNumber("readErrors", health.ReadErrors);
        json.WriteNumber("unset", health.Unset);
        json.WriteStartObject("reasons");
        foreach (var (reason, count) in health.Reasons)
            json.WriteNumber(ReasonNames.Of(reason), count);
        json.WriteEndObject();
        json.WriteBoolean("exact", health.IsExact);
        json.WriteString("text", text);
        json.WriteEndObject();
    }

    private static void WriteNullable(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } value)
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
