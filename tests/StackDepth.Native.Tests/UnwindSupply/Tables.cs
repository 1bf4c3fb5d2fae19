using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

/// <summary>Tables made up for tests.</summary>
internal static class Tables
{
    internal static UnwindTable Create(UnwindRule[] rules, uint firstPage, uint[][] pages, PlainText plain = default, byte[]? buildId = null)
    {
        uint start = 0;
        return new UnwindTable
        {
            Rules = rules,
            FirstPage = firstPage,
            PageStarts = [0, .. pages.Select(page => start += (uint)page.Length)],
            Rows = [.. pages.SelectMany(static page => page)],
            Plain = plain,
            BuildId = buildId,
            Report = new UnwindReport(0, 0, (int)start, false, []),
        };
    }

    internal static UnwindRule Rule(int offset) => new(offset, -2, CfaKind.StackPointer, BasePointerKind.AtCfa);

    /// <summary>A table of one row and one rule, whose offset tells it from others.</summary>
    internal static UnwindTable Single(int offset, byte[]? buildId = null) => Create([default, Rule(offset)], 0, [[1]], buildId: buildId);

    internal static UnwindTable Random(Random random, int pages, int maxRows = 256, int rules = 100)
    {
        var rows = new uint[pages][];
        for (var page = 0; page < pages; page++)
        {
            uint[] offsets = [0, .. Enumerable.Range(1, 255).OrderBy(_ => random.Next()).Take(random.Next(maxRows)).Order().Select(static offset => (uint)offset)];
            rows[page] = [.. offsets.Select(offset => (offset << 24) | (uint)random.Next(rules + 1))];
        }

        return Create([default, .. Enumerable.Range(0, rules).Select(_ => Rule(8 * random.Next(1000)))], (uint)random.Next(10_000), rows, new((uint)random.Next(1000), (uint)random.Next(1000)));
    }

    /// <summary>The rule for an offset, by the table itself.</summary>
    internal static UnwindRule Find(UnwindTable table, ulong fileOffset)
    {
        var page = (int)(fileOffset >> 8) - (int)table.FirstPage;
        return page < 0 || page >= table.PageCount ? default
            : table.Rules[table.Rows[(int)table.PageStarts[page]..(int)table.PageStarts[page + 1]].Last(row => row >> 24 <= (fileOffset & 0xff)) & 0xffffff];
    }
}
