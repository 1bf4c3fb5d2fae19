using System.Globalization;
using System.Text;

namespace StackDepth.Native.Elf;

/// <summary>Makes names that come from files and processes safe to print: control characters could steer the terminal.</summary>
internal static class PrintableText
{
    private const int MaxLength = 1024;

    /// <summary>The text with control, format and lone surrogate characters as <c>\xNN</c>, cut with an ellipsis after 1,024 characters.</summary>
    internal static string Escape(string text)
    {
        if (text.Length <= MaxLength && !NeedsEscape(text))
        {
            return text;
        }

        var cut = text.Length > MaxLength;
        var result = new StringBuilder(Math.Min(text.Length, MaxLength) + 16);
        foreach (var rune in text.AsSpan(0, Math.Min(text.Length, MaxLength)).EnumerateRunes())
        {
            if (IsUnsafe(rune))
            {
                result.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
            }
            else
            {
                result.Append(rune.ToString());
            }
        }

        return cut ? result.Append('…').ToString() : result.ToString();
    }

    private static bool NeedsEscape(string text)
    {
        foreach (var c in text)
        {
            if (c < ' ' || (c >= 0x7f && IsUnsafe(new Rune(char.IsSurrogate(c) ? '\ufffd' : c))))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsUnsafe(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
