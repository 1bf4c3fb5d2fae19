namespace StackDepth.Native.Unwind;

/// <summary>One row for each change of rule along the text, in the order of offsets: what the FDEs' rows are put together to.</summary>
internal sealed class RowTimeline(int expectedRows)
{
    private ulong[] _rows = new ulong[Math.Max(16, expectedRows)];

    internal int Count { get; private set; }

    internal ReadOnlySpan<ulong> Rows => _rows.AsSpan(0, Count);

    /// <summary>From <paramref name="offset"/> on, which is not before the last, <paramref name="rule"/> holds.</summary>
    internal void Set(uint offset, uint rule)
    {
        if (Count > 0 && FunctionRows.OffsetOf(_rows[Count - 1]) == offset)
        {
            Count--;
        }

        if (rule == (Count == 0 ? 0 : FunctionRows.RuleOf(_rows[Count - 1])))
        {
            return;
        }

        if (Count == _rows.Length)
        {
            Array.Resize(ref _rows, Count * 2);
        }

        _rows[Count++] = FunctionRows.Pack(offset, rule);
    }

    /// <summary>The rows of <paramref name="first"/>, and where those say None, the rows of <paramref name="second"/>.</summary>
    internal static RowTimeline FillGaps(RowTimeline first, RowTimeline second)
    {
        var result = new RowTimeline(first.Count + second.Count);
        int i = 0, j = 0;
        uint rule = 0, filler = 0;
        while (i < first.Count || j < second.Count)
        {
            var one = i < first.Count ? first._rows[i] : ulong.MaxValue;
            var other = j < second.Count ? second._rows[j] : ulong.MaxValue;
            var offset = Math.Min(FunctionRows.OffsetOf(one), FunctionRows.OffsetOf(other));
            if (FunctionRows.OffsetOf(one) == offset)
            {
                rule = FunctionRows.RuleOf(one);
                i++;
            }

            if (FunctionRows.OffsetOf(other) == offset)
            {
                filler = FunctionRows.RuleOf(other);
                j++;
            }

            result.Set(offset, rule != 0 ? rule : filler);
        }

        return result;
    }
}
