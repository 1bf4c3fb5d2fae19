using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind.Marks;

public sealed class TableMarksTests
{
    private const uint FirstPage = 16;
    private const int Pages = 12;

    [Fact]
    public void A_marked_table_has_the_rules_of_the_table_and_the_marks_of_the_text()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var table = Random(random);
            var text = Enumerable.Range(0, random.Next(0, 8)).Select(_ => Stretch(random)).ToArray();
            var marked = TableMarks.Apply(table, text, oneSet: random.Next(2) == 0);

            Assert.All(marked.Rows.Index().Where(row => marked.PageStarts.Contains((uint)row.Index)), static row => Assert.Equal(0u, UnwindTable.OffsetOf(row.Item)));
            for (var offset = First; offset < End; offset++)
            {
                Assert.Equal(table.Find(offset), marked.Find(offset));
                Assert.Equal(text.Aggregate(0, (all, part) => part.Start <= offset && offset < part.End ? all | part.Marks : all), MarksOf(marked, offset));
            }
        }
    }

    [Fact]
    public void In_the_plain_stretch_that_is_left_all_marks_are_the_marked_part_of_it()
    {
        var random = new Random(2);
        var some = 0;
        for (var round = 0; round < 1000; round++)
        {
            var table = Random(random);
            var oneSet = random.Next(2) == 0;
            var text = Enumerable.Range(0, random.Next(0, 6)).Select(_ => oneSet ? Stretch(random) with { Marks = 1 } : Stretch(random)).ToArray();
            var marked = TableMarks.Apply(table, text, oneSet);

            var (plain, part) = (marked.Plain, marked.MarkedPlain);
            Assert.True(plain.Length == 0 || (plain.Start >= table.Plain.Start && plain.Start + plain.Length <= table.Plain.Start + table.Plain.Length));
            Assert.True(oneSet || part.Length == 0);
            for (var offset = plain.Start; offset < plain.Start + plain.Length; offset++)
                Assert.Equal(offset - part.Start < part.Length, MarksOf(marked, offset) != 0);
            some += part.Length > 0 ? 1 : 0;
        }
        Assert.True(some > 100);
    }

    [Theory]
    [InlineData("main", "main", true)]
    [InlineData("main", "main.cold", true)]
    [InlineData("main", "main.cold.12", true)]
    [InlineData("main", "main.isra.0.constprop.1.cold", true)]
    [InlineData("main", "main.part.0", false)]
    [InlineData("main", "mainly", false)]
    [InlineData("main", "xmain", false)]
    [InlineData("ma*", "main.constprop.0", true)]
    [InlineData("ma?n", "main", true)]
    [InlineData("ma?n", "main.cold", true)]
    [InlineData("main.cold", "main.cold", true)]
    [InlineData("main.cold", "main", false)]
    public void Functions_are_meant_with_the_parts_and_copies_that_the_compiler_made(string written, string symbol, bool meant) =>
        Assert.Equal(meant, MarkedFunctions.Parse(written).Means(System.Text.Encoding.UTF8.GetBytes(symbol)));

    [Theory]
    [InlineData("f", "libc.so.6", true)]
    [InlineData("libc!f", "libc.so.6", true)]
    [InlineData("libc.so.6!f", "libc.so.6", true)]
    [InlineData("libpython3.*!f", "libpython3.12.so.1.0", true)]
    [InlineData("libm!f", "libc.so.6", false)]
    public void A_files_name_before_the_functions_means_that_file(string written, string file, bool meant) => Assert.Equal(meant, MarkedFunctions.Parse(written).IsIn(file));

    [Theory]
    [InlineData("")]
    [InlineData("!f")]
    [InlineData("libc!")]
    [InlineData("a!b!c")]
    [InlineData("[")]
    public void What_names_no_function_is_refused(string written) => Assert.Throws<StackDepth.Native.Targets.TargetException>(() => MarkedFunctions.Parse(written));

    private static uint First => FirstPage << UnwindTable.PageBits;

    private static uint End => First + (Pages << UnwindTable.PageBits);

    private static MarkedText Stretch(Random random)
    {
        var start = First - 300 + (uint)random.Next((Pages << UnwindTable.PageBits) + 300);
        return new(start, start + 1 + (uint)random.Next(900), (byte)(1 << random.Next(3)));
    }

    private static UnwindTable Random(Random random)
    {
        var starts = new List<uint>();
        var rows = new List<uint>();
        for (var page = 0; page < Pages; page++)
        {
            starts.Add((uint)rows.Count);
            rows.Add(UnwindTable.Row(0, (uint)random.Next(4)));
            foreach (var offset in Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(1, 256)).Distinct().Order())
                rows.Add(UnwindTable.Row((uint)offset, (uint)random.Next(4)));
        }
        starts.Add((uint)rows.Count);
        var plain = First + (uint)random.Next(1000);
        return new()
        {
            Rules = [default, .. Enumerable.Range(1, 3).Select(static n => new UnwindRule(8 * n, 0, CfaKind.StackPointer, BasePointerKind.Same))],
            FirstPage = FirstPage,
            PageStarts = [.. starts],
            Rows = [.. rows],
            Plain = random.Next(4) == 0 ? default : new(plain, (uint)random.Next(1, 2000)),
            BuildId = null,
            Report = new(0, 0, 0, false, new int[UnwindReport.Reasons]),
        };
    }

    private static int MarksOf(UnwindTable table, uint offset)
    {
        var page = (int)((offset >> UnwindTable.PageBits) - table.FirstPage);
        if (page >= table.PageCount)
            return 0;
        var row = table.Rows[(int)table.PageStarts[page]..(int)table.PageStarts[page + 1]].Last(row => UnwindTable.OffsetOf(row) <= (byte)offset);
        return table.Marks![UnwindTable.RuleOf(row)];
    }
}
