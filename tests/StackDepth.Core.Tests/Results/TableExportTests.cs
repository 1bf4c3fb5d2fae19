using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace StackDepth.Core.Tests.Results;

public sealed class TableExportTests
{
    private static readonly ProbeTable<string, int> Depths = Table(("sh", 7), ("a \"name\", quoted", 120), ("\u001b[2J\nevil", 15), ("größe", 7_000));

    [Fact]
    public void A_table_sorts_by_value_by_key_and_keeps_the_greatest()
    {
        Assert.Equal([7, 15, 120, 7_000], Depths.OrderBy((_, depth) => depth).Values);
        Assert.Equal(["größe", "a \"name\", quoted", "\u001b[2J\nevil", "sh"], Depths.OrderByDescending((_, depth) => depth).Keys);
        Assert.Equal(["\u001b[2J\nevil", "a \"name\", quoted", "größe", "sh"], Depths.OrderBy((name, _) => name.Length > 0 ? (int)name[0] : 0).Keys);
        var top = Depths.Top(2);
        Assert.Equal([7_000, 120], top.Values);
        Assert.Equal((2, false, 120), (top.Count, top.ContainsKey("sh"), top["a \"name\", quoted"]));
        Assert.Equal(4, Depths.Top(10).Count);
        Assert.Empty(Depths.Top(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Depths.Top(-1));
    }

    [Fact]
    public void A_table_prints_in_columns_and_does_not_steer_the_terminal() => Assert.Equal(
        """
        key               value
        größe              7000
        a "name", quoted    120
        \x1b[2J\x0aevil      15
        sh                    7
        """.ReplaceLineEndings("\n"),
        Depths.Top(4).ToText());

    [Fact]
    public void Keys_and_statistics_have_a_column_for_each_part()
    {
        var table = Table((("sh", new ProbeFunction(1, "f")), new Stats<int>(2, 3, 4, 3.5)), (("a", new ProbeFunction(2, "main")), new Stats<int>(10, -3, 400, 0.25))).OrderBy((key, _) => key.Item1);

        Assert.Equal(
            """
            key1  key2  count  min  max  mean
            a     main     10   -3  400  0.25
            sh    f         2    3    4   3.5
            """.ReplaceLineEndings("\n"),
            table.ToText());
        Assert.Equal("key1,key2,count,min,max,mean\r\na,main,10,-3,400,0.25\r\nsh,f,2,3,4,3.5\r\n", Csv(table));
    }

    [Fact]
    public void Csv_quotes_what_needs_it_and_is_the_same_in_every_culture()
    {
        var before = Thread.CurrentThread.CurrentCulture;
        try
        {
            var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            culture.NumberFormat.NumberDecimalSeparator = ",";
            culture.NumberFormat.NegativeSign = "~";
            Thread.CurrentThread.CurrentCulture = culture;
            Assert.Equal("key,value\r\ngröße,7000\r\n\"a \"\"name\"\", quoted\",120\r\n\\x1b[2J\\x0aevil,15\r\nsh,7\r\n", Csv(Depths.Top(4)));
            Assert.Equal("key,value\r\n-1,0.5\r\n", Csv(Table((-1, 0.5))));
        }
        finally
        {
            Thread.CurrentThread.CurrentCulture = before;
        }
    }

    [Fact]
    public void Json_is_what_a_parser_reads_back()
    {
        var root = Json(Depths.Top(4));
        Assert.Equal(Depths.Top(4).Select(static row => (row.Key, row.Value)), root.EnumerateArray().Select(static row => (row.GetProperty("key").GetString()!, row.GetProperty("value").GetInt32())));
    }

    [Fact]
    public void Json_has_the_buckets_of_histograms_and_nulls()
    {
        var row = Json(Table((true, new Summary<long>(3, long.MinValue, null, null, new Histogram([0, 1, 0, 2]))))).EnumerateArray().Single();
        Assert.Equal((JsonValueKind.True, long.MinValue, JsonValueKind.Null), (row.GetProperty("key").ValueKind, row.GetProperty("min").GetInt64(), row.GetProperty("mean").ValueKind));
        Assert.Equal([(0, 0, 1), (1, 1, 0), (2, 3, 2)], row.GetProperty("histogram").EnumerateArray().Select(static b => (b.GetProperty("low").GetInt64(), b.GetProperty("high").GetInt64(), b.GetProperty("count").GetInt64())));
    }

    [Fact]
    public void A_table_without_rows_is_empty_everywhere() => Assert.Equal(("empty", "", 0), (Table<int, int>().ToText(), Csv(Table<int, int>()), Json(Table<int, int>()).GetArrayLength()));

    [Fact]
    public void Stacks_fold_from_the_outermost_frame_with_safe_names()
    {
        var stack = new CallStack([new(3, "/usr/bin/deep", "evil;\n", 1), new(2, "/usr/lib/libx.so", null, 5), new(1, null, null, 0), new(1, "[jit]", null, 0)]);
        var gap = stack with { Omitted = 12, OmittedAt = 1 };
        var writer = new StringWriter();
        FoldedStacks.Write([new(stack, 5), new(gap, 1), new(new CallStack([]), 9)], writer);

        Assert.Equal("[jit];[unknown];[libx.so];evil:\\x0a 5\n[jit];[unknown];[libx.so];[12 frames left out];evil:\\x0a 1\n", writer.ToString());
    }

    private static string Csv<TKey, TValue>(ProbeTable<TKey, TValue> table)
        where TKey : notnull
    {
        var writer = new StringWriter();
        table.WriteCsv(writer);
        return writer.ToString();
    }

    private static JsonElement Json<TKey, TValue>(ProbeTable<TKey, TValue> table)
        where TKey : notnull
    {
        var stream = new MemoryStream();
        table.WriteJson(stream);
        return JsonDocument.Parse(Encoding.UTF8.GetString(stream.ToArray())).RootElement;
    }

    private static ProbeTable<TKey, TValue> Table<TKey, TValue>(params (TKey Key, TValue Value)[] rows)
        where TKey : notnull => new(rows.ToImmutableDictionary(static row => row.Key, static row => row.Value));
}
