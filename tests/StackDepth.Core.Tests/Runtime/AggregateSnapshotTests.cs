using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Runtime;

public sealed class AggregateSnapshotTests
{
    private static readonly AggregateLayout Layout = new(AggregateValue.AllParts);
    private static readonly SiteTable NoSites = new([]);

    [Fact]
    public void Values_of_all_CPUs_are_merged()
    {
        var value = new AggregateValue(Layout);
        value.Merge(Bytes(count: 2, sum: 30, minimum: 10, maximum: 20));
        value.Merge(new byte[Layout.Size]);
        value.Merge(Bytes(count: 1, sum: 5, minimum: 5, maximum: 5));

        Assert.Equal((3L, 35L, 5L, 20L), (value.Count, value.Sum, value.Minimum!.Value, value.Maximum!.Value));
        Assert.Equal(35 / 3.0, value.Mean);
    }

    [Fact]
    public void Nothing_is_null_and_not_zero()
    {
        var summary = new AggregateValue(Layout).ToSummary<int>();

        Assert.Equal((0L, null, null, null), (summary.Count, summary.Min, summary.Max, summary.Mean));
        Assert.Empty(summary.Histogram.Buckets);
    }

    [Fact]
    public void Zero_and_negative_numbers_are_values()
    {
        var value = new AggregateValue(Layout);
        value.Merge(Bytes(count: 2, sum: -7, minimum: -7, maximum: 0));

        Assert.Equal((-7, 0, -3.5), (value.ToSummary<int>().Min, value.ToSummary<int>().Max, value.ToSummary<int>().Mean));
    }

    [Fact]
    public void Keys_that_look_the_same_once_decoded_are_one_group_of_all_their_hits()
    {
        var snapshot = new AggregateSnapshot(0, null, [(Key(0xff), Value(2, 10)), (Key(0xfe), Value(3, 40)), (Key((byte)'a'), Value(1, 1))], NoSites);

        var table = snapshot.ToTable<string, Summary<int>>(static value => value.ToSummary<int>());

        Assert.Equal(["a", "\ufffd"], table.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((5L, 40), (table["\ufffd"].Count, table["\ufffd"].Max!.Value));
        Assert.Equal(6, table.Values.Sum(static value => value.Count));
    }

    [Fact]
    public void A_group_that_no_hit_has_reached_yet_is_not_shown()
    {
        var snapshot = new AggregateSnapshot(0, null, [(Key(65), new AggregateValue(Layout)), (Key(66), Value(1, 3))], NoSites);

        Assert.Equal("B", Assert.Single(snapshot.ToTable<string, long>(static value => value.Count)).Key);
    }

    [Fact]
    public void A_grouped_query_has_no_total() => Assert.Throws<InvalidOperationException>(() => new AggregateSnapshot(0, null, [], NoSites).Total);

    private static AggregateValue Value(long count, long maximum)
    {
        var value = new AggregateValue(Layout);
        value.Merge(Bytes(count, maximum, maximum, maximum));
        return value;
    }

    private static byte[] Key(byte first) => [first, .. new byte[15]];

    private static byte[] Bytes(long count, long sum, long minimum, long maximum)
    {
        var bytes = new byte[Layout.Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Layout.Count), count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Layout.Sum), sum);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Layout.Minimum), AggregateLayout.EncodeMaximum(~minimum));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Layout.Maximum), AggregateLayout.EncodeMaximum(maximum));
        return bytes;
    }
}
