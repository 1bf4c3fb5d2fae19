using Spectre.Console;

namespace StackDepth.Tool.Output;

/// <summary>The deepest stack for people: folded, and of a stack that does not fold well its ends.</summary>
internal static class DeepestStack
{
    private const int FirstLines = 40;
    private const int LastLines = 10;

    internal static void Write(IAnsiConsole console, RecordHolder<long> deepest, Style label)
    {
        Line($"deepest stack: {Numbers.Whole(deepest.Value)} frames, in {PrintableName.Of(deepest.Comm)} (pid {Numbers.Plain(deepest.Pid)}, tid {Numbers.Plain(deepest.Tid)})", label);
        // Names are escaped in it.
        var lines = deepest.Stack.ToString().Split('\n');
        for (var line = 0; line < lines.Length; line++)
        {
            if (lines.Length > FirstLines + LastLines + 1 && line == FirstLines)
            {
                line = lines.Length - LastLines;
                Line($"({Numbers.Whole(line - FirstLines)} lines left out; --format json has them all)", label);
            }
            Line(lines[line], Style.Plain);
        }

        void Line(string text, Style style)
        {
            console.Write(new Text(text, style));
            console.WriteLine();
        }
    }
}
