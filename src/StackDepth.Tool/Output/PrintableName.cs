using System.Globalization;
using System.Text;

namespace StackDepth.Tool.Output;

/// <summary>Names come from the target: a control character in one could steer the terminal, a direction mark could make it read as another.</summary>
internal static class PrintableName
{
    /// <summary>The name with control, format and separator characters as <c>\xNN</c> or <c>\u{NNNN}</c>.</summary>
    internal static string Of(string name)
    {
        StringBuilder? escaped = null;
        var position = 0;
        foreach (var rune in name.EnumerateRunes())
        {
            if (IsUnsafe(rune))
                (escaped ??= new StringBuilder(name, 0, position, name.Length + 16)).Append(Escaped(rune));
            else
                escaped?.Append(rune.ToString());
            position += rune.Utf16SequenceLength;
        }
        return escaped?.ToString() ?? name;
    }

    private static string Escaped(Rune rune) => rune.Value < 0x100
        ? string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}")
        : string.Create(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");

    private static bool IsUnsafe(Rune rune) => !rune.IsAscii
        ? Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        : rune.Value is < ' ' or 0x7f;
}
