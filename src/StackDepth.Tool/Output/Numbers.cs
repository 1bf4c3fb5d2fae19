using System.Globalization;

namespace StackDepth.Tool.Output;

/// <summary>Numbers for people.</summary>
internal static class Numbers
{
    internal static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    internal static string OrDash(long? number) => number is { } value ? Whole(value) : "-";

    /// <summary>A number that is a name: without separators.</summary>
    internal static string Plain(int number) => number.ToString(CultureInfo.InvariantCulture);

    internal static string OrDash(double? number) => number is { } value ? value.ToString("N1", CultureInfo.InvariantCulture) : "-";

    internal static string Probes(int count) => count == 1 ? "1 probe" : $"{Whole(count)} probes";
}
