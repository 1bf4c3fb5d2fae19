namespace StackDepth.Native.Unwind;

/// <summary>From the call-frame information of a file to its table, without <see cref="UnwindTable.Plain"/>.</summary>
internal static class UnwindBuilder
{
    // An FDE of 24 bytes has a handful of rows.
    private const int BytesPerRow = 6;
    private const int MostExpectedRows = 1 << 17;

    /// <summary>What is counted while entries are read.</summary>
    internal sealed class Counts
    {
        internal int Fdes { get; set; }

        internal int Skipped { get; set; }

        internal bool IsDamaged { get; set; }

        internal int[] Unsupported { get; } = new int[UnwindReport.Reasons];
    }

    internal static UnwindTable Build(UnwindSource source)
    {
        var rules = new RuleNumbers();
        var counts = new Counts { IsDamaged = source.IsDamaged };
        RowTimeline? timeline = null;
        foreach (var bytes in source.Sections)
        {
            var rows = new FunctionRows(Math.Min(MostExpectedRows, bytes.Bytes.Length / BytesPerRow));
            new CfiSection(bytes, source.Text, new CfiInterpreter(rules, rows, counts.Unsupported), counts).ReadAll();
            var next = new FunctionOrder(rows, rules, counts.Unsupported).Build();

            // .eh_frame comes first: where it speaks, .debug_frame has nothing to say.
            timeline = timeline is null ? next : RowTimeline.FillGaps(timeline, next);
        }

        var (starts, paged) = Paginate(timeline is null ? [] : timeline.Rows, source.Text.PageCount);
        return new UnwindTable
        {
            Rules = rules.ToArray(),
            FirstPage = source.Text.FirstPage,
            PageStarts = starts,
            Rows = paged,
            Plain = default,
            BuildId = source.BuildId,
            Report = new(counts.Fdes, counts.Skipped, paged.Length, counts.IsDamaged, counts.Unsupported),
        };
    }

    private static (uint[] Starts, uint[] Rows) Paginate(ReadOnlySpan<ulong> rows, int pages)
    {
        var starts = GC.AllocateUninitializedArray<uint>(pages + 1);
        var paged = GC.AllocateUninitializedArray<uint>(pages + rows.Length);
        int count = 0, next = 0;
        var rule = 0u;
        for (var page = 0; page < pages; page++)
        {
            starts[page] = (uint)count;
            paged[count++] = UnwindTable.Row(0, rule);
            for (; next < rows.Length && FunctionRows.OffsetOf(rows[next]) >> UnwindTable.PageBits == (uint)page; next++)
            {
                var offset = FunctionRows.OffsetOf(rows[next]) & 0xff;
                rule = FunctionRows.RuleOf(rows[next]);
                if (offset == 0)
                {
                    count--;
                }

                paged[count++] = UnwindTable.Row(offset, rule);
            }
        }

        starts[pages] = (uint)count;
        Array.Resize(ref paged, count);
        return (starts, paged);
    }
}
