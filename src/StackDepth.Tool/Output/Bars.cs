namespace StackDepth.Tool.Output;

/// <summary>Bars of text, in eighths of a character where the terminal can show them.</summary>
internal static class Bars
{
    /// <summary>The longest bar, in characters, however wide the terminal is.</summary>
    internal const int Longest = 40;

    private const string Eighths = " ▏▎▍▌▋▊▉";

    /// <summary>A bar for <paramref name="value"/> where <paramref name="greatest"/> has <paramref name="width"/> characters. What is not 0 has a bar.</summary>
    internal static string Draw(long value, long greatest, int width, bool unicode)
    {
        if (value <= 0 || greatest <= 0 || width <= 0)
            return "";
        var eighths = (int)long.Max(1, (long)Math.Round((double)value / greatest * width * 8));
        return !unicode ? new string('#', (eighths + 7) / 8)
            : eighths % 8 == 0 ? new string('█', eighths / 8)
            : new string('█', eighths / 8) + Eighths[eighths % 8];
    }
}
