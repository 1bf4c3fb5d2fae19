using System.Globalization;
using System.Text;

namespace StackDepth.Symbols;

/// <summary>Writes a stack, one frame or run of frames a line.</summary>
internal static class FoldedStack
{
    internal static string Write(CallStack stack)
    {
        var text = new StringBuilder();
        var width = Number(stack.Length - 1).Length;
        var isPastGap = stack.Omitted == 0;
        foreach (var run in stack.Fold())
        {
            if (!isPastGap && run.First >= stack.OmittedAt)
            {
                isPastGap = true;
                text.Append(CultureInfo.InvariantCulture, $"({stack.Omitted:N0} frames left out)\n");
            }
            text.Append('#').Append(Number(run.First < stack.OmittedAt ? run.First : run.First + stack.Omitted).PadRight(width + 1));
            WriteGroup(text, stack.Span.Slice(run.First, run.Length));
            if (run.Count > 1)
                text.Append(CultureInfo.InvariantCulture, $"  x{run.Count:N0}");
            text.Append('\n');
        }
        if (!isPastGap)
            text.Append(CultureInfo.InvariantCulture, $"({stack.Omitted:N0} frames left out)\n");
        if (stack.Reason != StackReason.None)
            text.Append(CultureInfo.InvariantCulture, $"({Word(stack.Completeness)}: {HealthText.Describe(stack.Reason)})\n");
        return text.Length == 0 ? "no frames" : text.ToString(0, text.Length - 1);
    }

    private static void WriteGroup(StringBuilder text, ReadOnlySpan<StackFrame> frames)
    {
        if (frames.Length == 1)
        {
            text.Append(frames[0].ToString());
            return;
        }

        // A module that all have is said once.
        var common = frames[0].Symbol is null ? null : frames[0].ModuleText;
        foreach (ref readonly var frame in frames)
        {
            if (frame.Symbol is null || frame.Module != frames[0].Module)
                common = null;
        }

        text.Append('[');
        for (var i = 0; i < frames.Length; i++)
            text.Append(i == 0 ? "" : " | ").Append(common is null ? frames[i].ToString() : frames[i].Place);
        text.Append(']');
        if (common is not null)
            text.Append(" (").Append(common).Append(')');
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Word(Completeness completeness) => completeness switch
    {
        Completeness.Truncated => "truncated",
        Completeness.Broken => "broken",
        _ => "approximate",
    };
}
