using System.Buffers.Binary;
using System.Text;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Runtime;

public sealed class EventReaderTests
{
    private static readonly SiteTable Sites = new([new("/bin/x", "first", 16, 0x10), new("/bin/x", "second", 32, 0x20)]);

    [Fact]
    public void Fields_are_read_in_order_by_their_types()
    {
        var reader = new EventReader([.. Number(-5), .. Comm("sh"), .. Number(long.MaxValue), .. Number(1), .. Number(0), .. Number(1), .. Number(2), .. Number(5)], Sites);

        Assert.Equal(-5, reader.Next<int>());
        Assert.Equal("sh", reader.Next<string>());
        Assert.Equal(long.MaxValue, reader.Next<long>());
        Assert.True(reader.Next<bool>());
        Assert.False(reader.Next<bool>());
        Assert.Equal(new ProbeFunction(0x20, "second"), reader.Next<ProbeFunction>());
        Assert.Equal(Completeness.Broken, reader.Next<Completeness>());
        Assert.Equal(StackReason.UnsupportedRule, reader.Next<StackReason>());
    }

    [Theory]
    [InlineData(new byte[0], "")]
    [InlineData(new byte[] { 0, 65, 66 }, "")]
    [InlineData(new byte[] { 65, 0, 66, 67 }, "A")]
    [InlineData(new byte[] { 0xff, 65 }, "\ufffdA")]
    [InlineData(new byte[] { 0xc3 }, "\ufffd")]
    [InlineData(new byte[] { 65, 0xed, 0xa0, 0x80 }, "A\ufffd\ufffd\ufffd")]
    [InlineData(new byte[] { 27, 91, 51, 49, 109, 10 }, "\u001b[31m\n")]
    [InlineData(new byte[] { 0xc3, 0xb6 }, "ö")]
    public void A_comm_is_whatever_the_target_chose_up_to_its_first_NUL(byte[] bytes, string expected) => Assert.Equal(expected, ReadComm(bytes));

    [Fact]
    public void A_comm_without_NUL_ends_with_its_field() => Assert.Equal("0123456789abcdef", ReadComm("0123456789abcdef"u8.ToArray()));

    [Theory]
    [InlineData("sh", "sh")]
    [InlineData("", "")]
    [InlineData("14 bytes of te", "14 bytes of te")]
    [InlineData("15 bytes of tex", "15 bytes of te…")]
    [InlineData("größe größe größe", "größe größ…")]
    [InlineData("13 bytes of t€", "13 bytes of t…")]
    [InlineData("12 bytes of 😀", "12 bytes of …")]
    public void A_text_that_was_cut_ends_in_an_ellipsis_and_in_no_half_of_a_character(string text, string expected)
    {
        var layout = EventLayout.Of(new IrArgumentText(0, 14));
        var bytes = Encoding.UTF8.GetBytes(text);
        var wire = new byte[16];
        bytes.AsSpan(0, int.Min(bytes.Length, 14)).CopyTo(wire);
        wire[15] = (byte)(bytes.Length > 14 ? 1 : 0);
        var reader = new EventReader(wire, Sites, layout);
        Assert.Equal(expected, reader.Next<string>());
    }

    [Fact]
    public void Random_bytes_never_break_the_reader()
    {
        var random = new Random(3);
        var bytes = new byte[16];
        for (var round = 0; round < 20_000; round++)
        {
            random.NextBytes(bytes);
            var text = ReadComm(bytes);
            Assert.InRange(text.Length, 0, 16);
            Assert.DoesNotContain('\0', text);
        }
    }

    [Fact]
    public void A_name_that_was_seen_before_is_the_same_string() => Assert.Same(ReadComm("again"u8.ToArray()), ReadComm("again"u8.ToArray()));

    [Fact]
    public void Reading_allocates_nothing_for_names_that_were_seen()
    {
        var record = new byte[40];
        Comm("known").CopyTo(record.AsSpan(8));
        Read(record);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 1_000; round++)
            Read(record);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        static void Read(byte[] record)
        {
            var reader = new EventReader(record, Sites);
            reader.Next<int>();
            reader.Next<string>();
            reader.Next<long>();
            reader.Next<ProbeFunction>();
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public void A_site_that_does_not_exist_is_a_defect_that_says_so(long cookie)
    {
        var error = Assert.Throws<InvalidOperationException>(() => Next<ProbeFunction>(Number(cookie)));

        Assert.Equal($"The kernel named site {cookie} of 2. Please report this.", error.Message);
    }

    [Fact]
    public void A_record_that_is_too_short_is_an_error_not_a_value()
    {
        Assert.ThrowsAny<ArgumentException>(() => Next<int>([1, 2, 3]));
        Assert.ThrowsAny<ArgumentException>(() => Next<string>(new byte[15]));
    }

    [Fact]
    public void A_type_that_no_record_holds_is_refused() => Assert.Throws<NotSupportedException>(() => Next<double>(new byte[8]));

    private static string ReadComm(byte[] bytes)
    {
        var field = new byte[16];
        bytes.CopyTo(field, 0);
        return Next<string>(field);
    }

    private static T Next<T>(byte[] record)
    {
        var reader = new EventReader(record, Sites);
        return reader.Next<T>();
    }

    private static byte[] Number(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Comm(string text) => WireText.Comm(text);
}
