namespace StackDepth.Native.Unwind;

/// <summary>
/// Puts the functions' rows in the order of the text. Text between functions gets None. Where functions overlap, what they agree on holds, and the rest is Unsupported:
/// which of them an unwinder would follow depends on the unwinder.
/// </summary>
internal sealed class FunctionOrder(FunctionRows source, RuleNumbers rules, int[] unsupported)
{
    private readonly RowTimeline _result = new(source.RowCount + source.Count + 16);

    internal RowTimeline Build()
    {
        var functions = source.Functions;
        var rows = source.Rows;
        var order = Sort(functions);
        for (var i = 0; i < functions.Length;)
        {
            ref readonly var function = ref functions[order is null ? i : (int)(uint)order[i]];
            var end = function.End;
            var next = i + 1;
            for (; next < functions.Length; next++)
            {
                ref readonly var following = ref functions[order is null ? next : (int)(uint)order[next]];
                if (following.Start >= end)
                {
                    break;
                }

                end = Math.Max(end, following.End);
            }

            if (next == i + 1)
            {
                foreach (var row in rows.Slice(function.FirstRow, function.RowCount))
                {
                    _result.Set(FunctionRows.OffsetOf(row), FunctionRows.RuleOf(row));
                }

                _result.Set(end, 0);
            }
            else
            {
                MergeOverlapping(functions, rows, order, i, next);
            }

            i = next;
        }

        return _result;
    }

    // Null when they are in order already, as linkers leave them where all code is in one section.
    private static ulong[]? Sort(ReadOnlySpan<FunctionRange> functions)
    {
        var isSorted = true;
        for (var i = 1; i < functions.Length; i++)
        {
            isSorted &= functions[i - 1].Start <= functions[i].Start;
        }

        if (isSorted)
        {
            return null;
        }

        var order = new ulong[functions.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = ((ulong)functions[i].Start << 32) | (uint)i;
        }

        Array.Sort(order);
        return order;
    }

    // A sweep over the places where any of the functions changes its rule, with the number of functions that hold each rule.
    private void MergeOverlapping(ReadOnlySpan<FunctionRange> functions, ReadOnlySpan<ulong> rows, ulong[]? order, int from, int to)
    {
        var events = new List<(uint Offset, uint Rule, int Change)>();
        for (var i = from; i < to; i++)
        {
            var function = functions[order is null ? i : (int)(uint)order[i]];
            for (var r = 0; r < function.RowCount; r++)
            {
                var row = rows[function.FirstRow + r];
                var end = r + 1 < function.RowCount ? FunctionRows.OffsetOf(rows[function.FirstRow + r + 1]) : function.End;
                events.Add((FunctionRows.OffsetOf(row), FunctionRows.RuleOf(row), 1));
                events.Add((end, FunctionRows.RuleOf(row), -1));
            }
        }

        events.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        var holders = new Dictionary<uint, int>();
        for (var i = 0; i < events.Count;)
        {
            var offset = events[i].Offset;
            for (; i < events.Count && events[i].Offset == offset; i++)
            {
                var count = holders.GetValueOrDefault(events[i].Rule) + events[i].Change;
                if (count == 0)
                {
                    holders.Remove(events[i].Rule);
                }
                else
                {
                    holders[events[i].Rule] = count;
                }
            }

            _result.Set(offset, Agreed(holders));
        }
    }

    private uint Agreed(Dictionary<uint, int> holders)
    {
        if (holders.Count <= 1)
        {
            return holders.Count == 0 ? 0 : holders.Keys.First();
        }

        unsupported[(int)UnsupportedReason.Overlap]++;
        return rules.Unsupported;
    }
}
