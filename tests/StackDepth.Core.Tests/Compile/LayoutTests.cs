using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

public sealed class LayoutTests
{
    [Fact]
    public void The_parts_of_an_aggregate_follow_each_other_with_the_histogram_last()
    {
        for (var bits = 1; bits < 64; bits++)
        {
            var layout = new AggregateLayout((AggregateParts)bits);
            List<int> offsets = [];
            if ((bits & 1) != 0)
                offsets.Add(layout.Count);
            if ((bits & 2) != 0)
                offsets.Add(layout.Sum);
            if ((bits & 4) != 0)
                offsets.Add(layout.Minimum);
            if ((bits & 8) != 0)
                offsets.Add(layout.Maximum);
            if ((bits & 32) != 0)
                offsets.AddRange([layout.Last, layout.LastValue]);
            if ((bits & 16) != 0)
                offsets.Add(layout.Histogram);

            Assert.Equal(Enumerable.Range(0, offsets.Count).Select(static index => index * 8), offsets);
            Assert.Equal((bits & 16) != 0 ? layout.Histogram + (65 * 8) : offsets.Count * 8, layout.Size);
        }
    }

    [Fact]
    public void Encoded_extremes_keep_their_order_and_zero_stands_for_none()
    {
        long[] values = [long.MinValue, long.MinValue + 1, -1_000, -1, 0, 1, 127, int.MaxValue, long.MaxValue - 1];
        var encoded = values.Select(AggregateLayout.EncodeMaximum).ToArray();

        Assert.Equal(encoded.Order(), encoded);
        Assert.Equal(values.Length, encoded.Distinct().Count());
        Assert.DoesNotContain(0UL, encoded);
        Assert.Equal(values.Select(static v => (long?)v), encoded.Select(AggregateLayout.DecodeMaximum));
        Assert.Null(AggregateLayout.DecodeMaximum(0));
        Assert.Null(AggregateLayout.DecodeMinimum(0));
    }

    [Fact]
    public void The_greatest_number_shares_its_form_with_the_one_below()
    {
        Assert.Equal(AggregateLayout.EncodeMaximum(long.MaxValue - 1), AggregateLayout.EncodeMaximum(long.MaxValue));
        Assert.Equal(long.MaxValue - 1, AggregateLayout.DecodeMaximum(AggregateLayout.EncodeMaximum(long.MaxValue)));
    }

    [Fact]
    public void A_minimum_is_the_maximum_of_the_complements()
    {
        foreach (var value in (long[])[long.MinValue + 1, -1, 0, 1, 127, long.MaxValue])
            Assert.Equal(value, AggregateLayout.DecodeMinimum(AggregateLayout.EncodeMaximum(~value)));
    }

    [Fact]
    public void The_program_encodes_extremes_as_the_layout_says()
    {
        foreach (var value in (long[])[long.MinValue, long.MinValue + 1, -2, -1, 0, 1, 2, int.MaxValue, long.MaxValue - 1, long.MaxValue])
        {
            var maximum = new CompiledRun(GoldenQueries.Source.Select(s => s.Timestamp).Max().Query, GoldenQueries.Target);
            var minimum = new CompiledRun(GoldenQueries.Source.Select(s => s.Timestamp).Min().Query, GoldenQueries.Target);
            maximum.Run(new Hit { Timestamp = value });
            minimum.Run(new Hit { Timestamp = value });

            Assert.Equal(AggregateLayout.EncodeMaximum(value), First(maximum));
            Assert.Equal(AggregateLayout.EncodeMaximum(~value), First(minimum));
        }
    }

    [Fact]
    public void Counters_come_first_then_the_aggregate_then_the_template()
    {
        Assert.Equal(Enumerable.Range(0, 34).Select(static index => index * 8), Enum.GetValues<HealthCounter>().Select(ResultLayout.Offset));
        Assert.Equal((272, 312, 320), (ResultLayout.AggregateOffset, new ResultLayout(40, 8).TemplateOffset, new ResultLayout(40, 8).Size));
    }

    [Fact]
    public void Fields_of_a_record_are_aligned_and_a_comm_takes_sixteen_bytes()
    {
        var layout = new EventLayout([IrType.Boolean, IrType.Text, IrType.Int32, IrType.Function, IrType.Int64]);

        Assert.Equal([0, 8, 24, 32, 40], layout.Offsets);
        Assert.Equal(48, layout.Size);
    }

    [Fact]
    public void Layouts_are_equal_when_their_fields_are()
    {
        Assert.Equal(new EventLayout([IrType.Int32, IrType.Text]), new EventLayout([IrType.Int32, IrType.Text]));
        Assert.Equal(new EventLayout([IrType.Int32]).GetHashCode(), new EventLayout([IrType.Int32]).GetHashCode());
        Assert.NotEqual(new EventLayout([IrType.Int32, IrType.Text]), new EventLayout([IrType.Text, IrType.Int32]));
    }

    private static ulong First(CompiledRun run) => BinaryPrimitives.ReadUInt64LittleEndian(run.Machine[MapNames.Results].First().Bytes.AsSpan(ResultLayout.AggregateOffset));
}
