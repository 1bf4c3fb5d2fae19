using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>Answers of both as one text: a value, or <c>key=value</c> in their order, or lines.</summary>
internal static class AnswerText
{
    internal static string Of(object? answer) => answer switch
    {
        null => "nothing",
        string text => text,
        bool truth => truth ? "1" : "0",
        CallStack stack => stack.Frames.Length.ToString(CultureInfo.InvariantCulture),
        Histogram histogram => Buckets(histogram.Buckets.Select(static bucket => (bucket.Low, bucket.High, bucket.Count))),
        ITuple tuple => string.Join(',', Enumerable.Range(0, tuple.Length).Select(index => Of(tuple[index]))),
        IEnumerable items => Items(items.Cast<object>()),
        ProbeFunction function => function.Name,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => Stats(answer),
    };

    /// <summary>What bpftrace prints with <c>-f json</c>: the map <c>@</c>, or what was printed.</summary>
    internal static string OfBpftrace(string output)
    {
        List<string> printed = [];
        foreach (var line in output.Split('\n').Where(static line => line.StartsWith('{')))
        {
            using var parsed = JsonDocument.Parse(line);
            var data = parsed.RootElement.GetProperty("data");
            switch (parsed.RootElement.GetProperty("type").GetString())
            {
                case "printf":
                    printed.AddRange(data.GetString()!.Split('\n', StringSplitOptions.RemoveEmptyEntries));
                    break;
                case "map" or "hist" or "stats" when data.TryGetProperty("@", out var map):
                    return Of(map);
            }
        }
        return printed.Count > 0 ? string.Join('\n', printed) : "nothing";
    }

    private static string Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => Buckets(value.EnumerateArray().Select(static bucket => (Bound(bucket, "min"), Bound(bucket, "max"), bucket.GetProperty("count").GetInt64()))),
        JsonValueKind.Object when value.TryGetProperty("average", out var average) => $"count {value.GetProperty("count")}, average {average}",
        JsonValueKind.Object => Sorted(value.EnumerateObject().Select(static pair => (Key(pair.Name), Of(pair.Value)))),
        _ => value.ToString(),
    };

    private static long Bound(JsonElement bucket, string name) => bucket.TryGetProperty(name, out var bound) ? bound.GetInt64() : name == "min" ? long.MinValue : long.MaxValue;

    /// <summary>A stack stands for how many frames it has, a probe for its function.</summary>
    private static string Key(string key) =>
        key.Contains("\\n", StringComparison.Ordinal) ? key.Split("\\n", StringSplitOptions.RemoveEmptyEntries).Length.ToString(CultureInfo.InvariantCulture)
        : key.StartsWith("uprobe:", StringComparison.Ordinal) ? key[(key.LastIndexOf(':') + 1)..]
        : key;

    private static string Buckets(IEnumerable<(long Low, long High, long Count)> buckets) =>
        string.Join(", ", buckets.Where(static bucket => bucket.Count > 0).Select(static bucket => string.Create(CultureInfo.InvariantCulture, $"{Ends(bucket.Low, bucket.High)}: {bucket.Count}")));

    private static string Ends(long low, long high) => low == long.MinValue ? $"below {(high == -1 ? 0 : high + 1)}" : high == long.MaxValue ? $"from {low}" : low == high ? $"{low}" : $"{low} to {high}";

    private static string Items(IEnumerable<object> items)
    {
        var all = items.ToArray();
        if (all.Length == 0)
            return "nothing";
        var type = all[0].GetType();
        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>)
            ? Sorted(all.Select(pair => (Of(type.GetProperty("Key")!.GetValue(pair)), Of(type.GetProperty("Value")!.GetValue(pair)))))
            : string.Join('\n', all.Select(Of));
    }

    private static string Sorted(IEnumerable<(string Key, string Value)> pairs) =>
        string.Join(", ", pairs.OrderBy(static pair => long.TryParse(pair.Key, CultureInfo.InvariantCulture, out var number) ? number : 0).ThenBy(static pair => pair.Key, StringComparer.Ordinal).ThenBy(static pair => pair.Value, StringComparer.Ordinal)
            .Select(static pair => $"{pair.Key}={pair.Value}"));

    private static string Stats(object answer) => answer.GetType() is var type && type.GetProperty("Mean") is { } mean
        ? string.Create(CultureInfo.InvariantCulture, $"count {type.GetProperty("Count")!.GetValue(answer)}, average {mean.GetValue(answer)}")
        : throw new ArgumentException($"{type} has no text here.", nameof(answer));
}
