using System.Text;
using StackDepth.Native.Ring;

namespace StackDepth.Native.Tests.Ring;

public sealed unsafe class RingReaderTests
{
    [Fact]
    public void An_empty_ring_gives_nothing()
    {
        using FakeRing ring = new(4096);
        Assert.Empty(Read(ring.Reader));
        Assert.False(ring.Reader.TryAcquire(out _));
        Assert.Equal(0, ring.Reader.PendingBytes);
        Assert.Equal(4096, ring.Reader.DataBytes);
    }

    [Fact]
    public void Records_come_in_order_with_their_exact_contents_and_give_their_space_back()
    {
        using FakeRing ring = new(4096);
        string[] texts = ["", "a", "1234567", "12345678", "123456789"];
        foreach (string text in texts)
        {
            Assert.True(ring.Output(Encoding.UTF8.GetBytes(text)));
        }

        Assert.Equal(8 + 16 + 16 + 16 + 24, ring.Reader.PendingBytes);
        Assert.Equal(texts, Read(ring.Reader).Select(Encoding.UTF8.GetString));
        Assert.Equal(5, ring.Reader.RecordsRead);
        Assert.Equal(0, ring.Reader.PendingBytes);
        Assert.Equal(*ring.Producer, *ring.Consumer);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL << 32)]
    [InlineData(ulong.MaxValue - 1023)]
    public void Records_that_straddle_the_end_are_contiguous_whatever_the_position(ulong start)
    {
        using FakeRing ring = new FakeRing(256).StartAt(start);
        byte[] data = new byte[100];
        for (int round = 0; round < 1_000; round++)
        {
            int length = round % data.Length;
            data.AsSpan(0, length).Fill((byte)round);
            Assert.True(ring.Output(data.AsSpan(0, length)));
            Assert.Equal(data[..length], Assert.Single(Read(ring.Reader)));
        }
    }

    [Fact]
    public void A_full_ring_is_read_whole()
    {
        using FakeRing ring = new(4096);
        int written = 0;
        while (ring.Output(BitConverter.GetBytes(written)))
        {
            written++;
        }

        Assert.Equal(4095 / 16, written);
        Assert.Equal(Enumerable.Range(0, written), Read(ring.Reader).Select(r => BitConverter.ToInt32(r)));
        Assert.True(ring.Output([1]));
    }

    [Fact]
    public void Discarded_records_are_skipped_and_counted()
    {
        using FakeRing ring = new(4096);
        ring.Discard(10);
        ring.Output([1]);
        ring.Discard(0);
        ring.Discard(300);
        ring.Output([2]);
        ring.Discard(1);
        Assert.Equal([[1], [2]], Read(ring.Reader));
        Assert.Equal(4, ring.Reader.Discarded);
        Assert.Equal(2, ring.Reader.RecordsRead);
        Assert.Equal(0, ring.Reader.PendingBytes);
    }

    [Fact]
    public void A_lease_skips_discarded_records_too()
    {
        using FakeRing ring = new(4096);
        ring.Discard(10);
        Assert.False(ring.Reader.TryAcquire(out _));
        Assert.Equal(0, ring.Reader.PendingBytes);
        ring.Discard(10);
        ring.Output([7]);
        Assert.True(ring.Reader.TryAcquire(out RecordLease lease));
        Assert.Equal([7], lease.Data.ToArray());
        lease.Dispose();
        Assert.Equal(2, ring.Reader.Discarded);
        Assert.Equal(1, ring.Reader.RecordsRead);
    }

    [Fact]
    public void A_record_still_being_written_holds_back_those_behind_it()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        ulong busy = ring.Reserve(1)!.Value;
        ring.Output([3]);
        Assert.Equal([[1]], Read(ring.Reader));
        Assert.Empty(Read(ring.Reader));
        Assert.False(ring.Reader.TryAcquire(out _));
        Assert.Equal(32, ring.Reader.PendingBytes);
        Assert.Equal(busy, *ring.Consumer);

        ring.Fill(busy, [2]);
        ring.SetHeader(busy, 1);
        Assert.Equal([[2], [3]], Read(ring.Reader));
    }

    [Fact]
    public void A_record_committed_by_another_thread_is_read_whole()
    {
        using FakeRing ring = new(1024);
        byte[] data = new byte[40];
        for (int round = 1; round <= 2_000; round++)
        {
            ulong busy = ring.Reserve(data.Length)!.Value;
            data.AsSpan().Fill((byte)round);
            Task commit = Task.Run(
                () =>
                {
                    ring.Fill(busy, data);
                    ring.SetHeader(busy, (uint)data.Length);
                },
                TestContext.Current.CancellationToken);
            List<byte[]> read = [];
            while (read.Count == 0)
            {
                read.AddRange(Read(ring.Reader));
            }

            Assert.Equal(data, Assert.Single(read));
#pragma warning disable xUnit1031 // The reader is this thread's; there is nothing to await but the end of a thread that has done its work.
            commit.Wait(TestContext.Current.CancellationToken);
#pragma warning restore xUnit1031
        }
    }

    [Fact]
    public void A_drain_stops_at_the_most_records_asked_for()
    {
        using FakeRing ring = new(4096);
        for (byte i = 0; i < 10; i++)
        {
            ring.Output([i]);
        }

        Assert.Empty(Read(ring.Reader, 0));
        Assert.Equal([[0], [1], [2]], Read(ring.Reader, 3));
        Assert.Equal(7 * 16, ring.Reader.PendingBytes);
        Assert.Equal(7, Read(ring.Reader).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(ring.Reader, -1));
    }

    [Fact]
    public void A_drain_ends_though_the_producer_never_does()
    {
        using FakeRing ring = new(4096);
        ring.Output([0]);
        EndlessSink sink = new(ring);
        Assert.InRange(ring.Reader.Drain(ref sink), 4096 / 16, (4096 / 16) + 1);
    }

    [Fact]
    public void Space_is_given_back_during_a_drain_and_not_only_after_it()
    {
        using FakeRing ring = new(4096);
        while (ring.Output(new byte[56]))
        {
        }

        PublishedSink sink = new(ring, []);
        ring.Reader.Drain(ref sink);
        // Eight records of 64 bytes make an eighth of the ring: published in batches of that size, so no more than that is ever held back.
        ulong[] distinct = [.. sink.Seen.Distinct()];
        Assert.InRange(distinct.Length, 7, 9);
        for (int i = 0; i < sink.Seen.Count; i++)
        {
            Assert.InRange((i * 64) - (long)sink.Seen[i], 0, (4096 / 8) - 64);
        }
    }

    [Fact]
    public void A_sink_that_throws_has_consumed_its_record_and_the_exception_goes_on()
    {
        using FakeRing ring = new(4096);
        for (byte i = 0; i < 5; i++)
        {
            ring.Output([i]);
        }

        ThrowingSink sink = new(2);
        Assert.Throws<FormatException>(() =>
        {
            ThrowingSink local = sink;
            ring.Reader.Drain(ref local);
        });
        Assert.Equal(3 * 16UL, *ring.Consumer);
        Assert.Equal(3, ring.Reader.RecordsRead);
        Assert.Equal([[3], [4]], Read(ring.Reader));
    }

    [Fact]
    public void A_lease_holds_its_space_until_it_is_disposed_of_and_copies_of_it_count_once()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        ring.Output([2]);
        Assert.True(ring.Reader.TryAcquire(out RecordLease first));
        RecordLease copy = first;
        Assert.Equal(0UL, *ring.Consumer);
        Assert.Equal([1], first.Data.ToArray());
        Assert.Throws<InvalidOperationException>(() => ring.Reader.TryAcquire(out _));
        Assert.Throws<InvalidOperationException>(() => Read(ring.Reader));
        first.Dispose();
        copy.Dispose();
        Assert.Equal(16UL, *ring.Consumer);

        Assert.True(ring.Reader.TryAcquire(out RecordLease second));
        copy.Dispose();
        Assert.Equal([2], second.Data.ToArray());
        Assert.Equal(16UL, *ring.Consumer);
        second.Dispose();
        Assert.Equal(2, ring.Reader.RecordsRead);
        default(RecordLease).Dispose();
    }

    [Fact]
    public void A_sink_cannot_drain_the_ring_it_is_called_by()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        Assert.Throws<InvalidOperationException>(() =>
        {
            ReentrantSink sink = new(ring.Reader);
            ring.Reader.Drain(ref sink);
        });
        Assert.Empty(Read(ring.Reader));
    }

    [Fact]
    public void A_reader_disposed_of_inside_its_sink_stops_after_that_record()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        ring.Output([2]);
        DisposingSink sink = new(ring.Reader);
        Assert.Equal(1, ring.Reader.Drain(ref sink));
        Assert.Equal(16UL, *ring.Consumer);
        Assert.Throws<ObjectDisposedException>(() => Read(ring.Reader));
        Assert.Throws<ObjectDisposedException>(() => ring.Reader.TryAcquire(out _));
        Assert.Throws<ObjectDisposedException>(() => ring.Reader.PendingBytes);
        Assert.Equal(1, ring.Reader.RecordsRead);
        ring.Reader.Dispose();
    }

    [Fact]
    public void A_reader_goes_on_where_the_last_one_stopped()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        ring.Output([2]);
        Read(ring.Reader, 1);
        ring.Reader.Dispose();
        Assert.Equal([[2]], Read(ring.Reopen()));
    }

    internal static List<byte[]> Read(RingReader reader, int max = int.MaxValue)
    {
        CollectingSink sink = new();
        int count = reader.Drain(ref sink, max);
        Assert.Equal(sink.Records.Count, count);
        return sink.Records;
    }

    private readonly struct EndlessSink(FakeRing ring) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record) => Assert.True(ring.Output(record));
    }

    private readonly struct PublishedSink(FakeRing ring, List<ulong> seen) : IRecordSink
    {
        internal List<ulong> Seen => seen;

        public void OnRecord(ReadOnlySpan<byte> record) => seen.Add(*ring.Consumer);
    }

    private readonly struct ThrowingSink(byte at) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            if (record[0] == at)
            {
                throw new FormatException();
            }
        }
    }

    private readonly struct ReentrantSink(RingReader reader) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record) => Read(reader);
    }

    private readonly struct DisposingSink(RingReader reader) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record) => reader.Dispose();
    }
}
