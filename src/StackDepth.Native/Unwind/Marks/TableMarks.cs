using System.Runtime.InteropServices;

namespace StackDepth.Native.Unwind;

/// <summary>Puts marks into a table: the walker finds them with the rule that it looks up anyway.</summary>
internal static class TableMarks
{
    /// <summary>The table with the marks; the one given stays as it is.</summary>
    /// <param name="table">A table without marks.</param>
    /// <param name="text">What to mark.</param>
    /// <param name="oneSet">Whether there is one set of functions in all, whose frames the walker can tell by their address within a plain stretch.</param>
    internal static UnwindTable Apply(UnwindTable table, IReadOnlyList<MarkedText> text, bool oneSet)
    {
        var stretches = Flatten(text);
        var rules = new List<UnwindRule>(table.Rules);
        var marks = new List<byte>(new byte[rules.Count]);
        var numbers = new Dictionary<(uint Rule, byte Marks), uint>();
        var rows = new List<uint>(table.Rows.Length + (2 * stretches.Count));
        var starts = new uint[table.PageStarts.Length];
        var next = 0;
        for (var page = 0; page < table.PageCount; page++)
        {
            starts[page] = (uint)rows.Count;
            var first = (ulong)(table.FirstPage + (uint)page) << UnwindTable.PageBits;
            while (next < stretches.Count && stretches[next].End <= first)
                next++;
            var source = table.Rows.AsSpan((int)table.PageStarts[page]..(int)table.PageStarts[page + 1]);
            if (next == stretches.Count || stretches[next].Start >= first + (1 << UnwindTable.PageBits))
                rows.AddRange(source);
            else
                MarkPage(source, first, CollectionsMarshal.AsSpan(stretches)[next..]);
        }
        starts[^1] = (uint)rows.Count;
        var (plain, marked) = Plain(table.Plain, stretches, oneSet);
        return new()
        {
            Rules = [.. rules],
            Marks = [.. marks],
            FirstPage = table.FirstPage,
            PageStarts = starts,
            Rows = [.. rows],
            Plain = plain,
            MarkedPlain = marked,
            BuildId = table.BuildId,
            Report = table.Report,
        };

        void MarkPage(ReadOnlySpan<uint> source, ulong first, ReadOnlySpan<MarkedText> stretches)
        {
            var last = uint.MaxValue;
            var row = -1;
            for (var offset = 0u; offset < 1 << UnwindTable.PageBits; offset++)
            {
                var changes = offset == 0;
                while (row + 1 < source.Length && UnwindTable.OffsetOf(source[row + 1]) == offset)
                {
                    row++;
                    changes = true;
                }
                var mark = MarksAt(stretches, first + offset);
                if (!changes && mark == (byte)(last >> 24))
                    continue;
                rows.Add(UnwindTable.Row(offset, Number(UnwindTable.RuleOf(source[row]), mark)));
                last = (uint)mark << 24;
            }
        }

        uint Number(uint rule, byte mark)
        {
            if (mark == 0)
                return rule;
            if (!numbers.TryGetValue((rule, mark), out var number))
            {
                numbers.Add((rule, mark), number = (uint)rules.Count);
                rules.Add(rules[(int)rule]);
                marks.Add(mark);
            }
            return number;
        }
    }

    private static byte MarksAt(ReadOnlySpan<MarkedText> stretches, ulong offset)
    {
        foreach (ref readonly var stretch in stretches)
        {
            if (offset < stretch.Start)
                return 0;
            if (offset < stretch.End)
                return stretch.Marks;
        }
        return 0;
    }

    /// <summary>Stretches in order that do not overlap, each with all marks of its bytes.</summary>
    internal static List<MarkedText> Flatten(IReadOnlyList<MarkedText> text)
    {
        var edges = new SortedSet<uint>();
        foreach (var part in text)
        {
            edges.Add(part.Start);
            edges.Add(part.End);
        }
        var order = text.OrderBy(static part => part.Start).ToArray();
        var result = new List<MarkedText>();
        var active = new List<MarkedText>();
        var index = 0;
        uint? from = null;
        foreach (var edge in edges)
        {
            if (from is { } start && active.Aggregate((byte)0, static (all, part) => (byte)(all | part.Marks)) is > 0 and var marks)
            {
                if (result is [.., var last] && last.End == start && last.Marks == marks)
                    result[^1] = last with { End = edge };
                else
                    result.Add(new(start, edge, marks));
            }
            active.RemoveAll(part => part.End <= edge);
            for (; index < order.Length && order[index].Start == edge; index++)
                active.Add(order[index]);
            from = edge;
        }
        return result;
    }

    /// <summary>
    /// The longest part of the plain stretch in which the walker can tell which frames are marked without looking them up: with one set a part with one marked stretch in it at
    /// most, else one with none.
    /// </summary>
    private static (PlainText Plain, PlainText Marked) Plain(PlainText plain, List<MarkedText> stretches, bool oneSet)
    {
        ulong start = plain.Start, end = start + plain.Length;
        var inside = stretches.FindAll(stretch => stretch.End > start && stretch.Start < end);
        if (inside.Count == 0)
            return (plain, default);
        var best = (Plain: default(PlainText), Marked: default(PlainText));
        for (var index = 0; index <= inside.Count; index++)
        {
            // From behind the marked stretch before this one, to the next but one marked stretch, or to the next.
            var from = index == 0 ? start : inside[index - 1].End;
            var next = index + (oneSet ? 1 : 0);
            var to = next < inside.Count ? inside[next].Start : end;
            if (from >= to || to - from <= best.Plain.Length)
                continue;
            var marked = oneSet && index < inside.Count
                ? new PlainText((uint)ulong.Max(inside[index].Start, from), (uint)(ulong.Min(inside[index].End, to) - ulong.Max(inside[index].Start, from)))
                : default;
            best = (new((uint)from, (uint)(to - from)), marked);
        }
        return best;
    }
}
