using System.Globalization;
using System.Text;

namespace StackDepth.Native.Symbols.Demangling;

/// <summary>The text that a demangler writes: it knows its last character, on which spaces depend, and refuses to grow without bounds.</summary>
internal sealed class DemangledText
{
    private readonly StringBuilder text = new(128);

    /// <summary>Set when the text got too long, or by a writer that met what has no text. What was written is then of no use.</summary>
    internal bool Failed { get; private set; }

    internal int Length => text.Length;

    /// <summary>The last character that was written, NUL before the first.</summary>
    internal char Last { get; private set; }

    internal void Fail() => Failed = true;

    internal void Write(char c)
    {
        if (Grows(1))
        {
            text.Append(c);
            Last = c;
        }
    }

    internal void Write(ReadOnlySpan<char> part)
    {
        if (part.Length > 0 && Grows(part.Length))
        {
            text.Append(part);
            Last = part[^1];
        }
    }

    internal void Write(long number)
    {
        Span<char> digits = stackalloc char[20];
        number.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        Write(digits[..length]);
    }

    /// <summary>
    /// Takes back what was written after the length was <paramref name="length"/>. <see cref="Last"/> stays: binutils has it so, and writes
    /// <c>A&lt;B&lt;int&gt;&gt;</c> without a space where an empty pack is the last argument.
    /// </summary>
    internal void CutTo(int length) => text.Length = length;

    public override string ToString() => text.ToString();

    private bool Grows(int by)
    {
        if (Failed || text.Length + by > DemangleLimits.MaxText)
        {
            Failed = true;
        }

        return !Failed;
    }
}
