using System.Globalization;
using System.Text;

namespace StackDepth.Native.Elf;

/// <summary>
/// Makes names that come from files and processes safe to print: a control character in one could steer the terminal, a direction mark could make it read as another. The tool
/// compiles this file too.
/// </summary>
internal static class PrintableText
{
    private const int MaxLength = 1024;

    /// <summary>The text with control, format and separator characters as <c>\xNN</c> or <c>\u{NNNN}</c>, cut with an ellipsis after 1,024 characters.</summary>
    internal static string Escape(string text) => text.Length <= MaxLength ? EscapeAll(text) : EscapeAll(text[..MaxLength]) + '…';

    /// <summary>The whole text with control, format and separator characters as <c>\xNN</c> or <c>\u{NNNN}</c>.</summary>
    internal static string EscapeAll(string text)
    {
        StringBuilder? escaped = null;
        var position = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsUnsafe(rune))
            {
                (escaped ??= new StringBuilder(text, 0, position, text.Length + 16)).Append(Escaped(rune));
            }
            else
            {
                escaped?.Append(rune.ToString());
            }

            position += rune.Utf16SequenceLength;
        }

        return escaped?.ToString() ?? text;
    }

    private static string Escaped(Rune rune) => rune.Value < 0x100
        ? string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}")
        : string.Create(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");

    private static bool IsUnsafe(Rune rune) => !rune.IsAscii
        ? Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        : rune.Value is < ' ' or 0x7f;
}
