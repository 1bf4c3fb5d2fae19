namespace StackDepth.Symbols;

/// <summary>Folds the runs of a stack: recursion is a frame that repeats, mutual recursion a group of frames.</summary>
internal static class StackFolding
{
    /// <summary>The longest group whose repetition is found.</summary>
    internal const int LongestGroup = 32;

    /// <summary>The frames in order, each in one run. Frames are the same when their addresses are. Takes time in proportion to the stack.</summary>
    internal static List<StackRun> Fold(ReadOnlySpan<StackFrame> frames)
    {
        var runs = new List<StackRun>();
        for (var at = 0; at < frames.Length;)
        {
            var run = LongestRun(frames, at);
            runs.Add(run);
            at += run.Length * run.Count;
        }

        return runs;
    }

    // Of the groups that repeat here, the one that repeats over the most frames; the shortest of several.
    private static StackRun LongestRun(ReadOnlySpan<StackFrame> frames, int first)
    {
        var best = new StackRun(first, 1, 1);
        for (var length = 1; length <= LongestGroup && first + (2 * length) <= frames.Length; length++)
        {
            var end = first + length;
            while (end < frames.Length && frames[end].Address == frames[end - length].Address)
            {
                end++;
            }

            var count = (end - first) / length;
            if (count > 1 && count * length > best.Count * best.Length)
            {
                best = new StackRun(first, length, count);
            }
        }

        return best;
    }
}
