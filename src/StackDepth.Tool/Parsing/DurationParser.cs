using System.Globalization;

namespace StackDepth.Tool.Parsing;

/// <summary>Reads <c>500ms</c>, <c>5s</c>, <c>1.5m</c>, <c>2h</c>.</summary>
internal static class DurationParser
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(24); // what a timer can wait

    internal static TimeSpan Parse(string text)
    {
        var digits = UnitStart(text);
        if (digits < 0)
            throw new UsageException("--duration needs a unit: ms, s, m or h, as in 5s.", text, text.Length);
        double milliseconds = text[digits..] switch
        {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => throw new UsageException("--duration is a number and a unit, ms, s, m or h, as in 5s.", text, digits),
        };
        if (!double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            throw new UsageException("--duration is a number and a unit, ms, s, m or h, as in 5s.", text, 0);
        milliseconds *= number;
        return milliseconds < 1 || milliseconds > s_longest.TotalMilliseconds
            ? throw new UsageException("--duration lies between 1ms and 24 days.", text, 0)
            : TimeSpan.FromMilliseconds(milliseconds);
    }

    private static int UnitStart(string text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (!char.IsAsciiDigit(text[index]) && text[index] != '.')
                return index;
        }
        return -1;
    }
}
