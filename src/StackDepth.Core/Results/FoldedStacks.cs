using System.Globalization;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>Writes stacks in the folded form that flame graph tools read: one line for each stack, frames from the outermost to the innermost with semicolons between, then how often.</summary>
public static class FoldedStacks
{
    /// <summary>
    /// Writes each stack with its weight. Frames are functions, or <c>[module]</c> without a symbol, or <c>[unknown]</c>; a gap of frames that are left out is one frame that says so. Names come from the target: control
    /// characters are escaped, and a semicolon is written as a colon.
    /// </summary>
    /// <param name="stacks">The stacks, and what each counts for. Lines of the same frames are not merged: the tools do that.</param>
    /// <param name="writer">Where the lines go.</param>
    public static void Write(IEnumerable<KeyValuePair<CallStack, long>> stacks, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(stacks);
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var (stack, weight) in stacks)
        {
            if (stack.Length > 0)
                Write(stack, weight, writer);
        }
    }

    private static void Write(CallStack stack, long weight, TextWriter writer)
    {
        var frames = stack.Span;
        var isFirst = true;
        // The gap lies between the frames before OmittedAt, which are the inner ones, and those from there.
        for (var index = frames.Length; index >= 0; index--)
        {
            if (index < frames.Length)
                Next(Name(frames[index]));
            if (stack.Omitted > 0 && index == stack.OmittedAt)
                Next(string.Create(CultureInfo.InvariantCulture, $"[{stack.Omitted} frames left out]"));
        }
        writer.Write(string.Create(CultureInfo.InvariantCulture, $" {weight}\n"));

        void Next(string name)
        {
            if (!isFirst)
                writer.Write(';');
            isFirst = false;
            writer.Write(name);
        }
    }

    private static string Name(StackFrame frame)
    {
        var name = frame.Symbol is { } symbol ? PrintableText.Escape(symbol) : frame.ModuleText is { } module ? module.StartsWith('[') ? module : $"[{module}]" : "[unknown]";
        return name.Replace(';', ':');
    }
}
