using StackDepth.Native.Ring;

namespace StackDepth.Native.Tests.Ring;

public sealed unsafe class HostileRingTests
{
    [Fact]
    public void A_record_longer_than_what_is_pending_is_corruption()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        ulong bad = ring.Reserve(8)!.Value;
        ring.SetHeader(bad, 9);
        CollectingSink sink = new();
        RingCorruptedException e = Assert.Throws<RingCorruptedException>(() => ring.Reader.Drain(ref sink));
        Assert.Equal(16UL, e.ConsumerPosition);
        Assert.Equal(32UL, e.ProducerPosition);
        Assert.Contains("9 bytes", e.Message, StringComparison.Ordinal);
        // What came before it was read, and it stays an error.
        Assert.Equal(1, ring.Reader.RecordsRead);
        Assert.Equal(16UL, *ring.Consumer);
        Assert.Throws<RingCorruptedException>(() => ring.Reader.TryAcquire(out _));
        Assert.True(ring.Reader.HasRecordsAfterPublishing());
    }

    [Theory]
    [InlineData(RingRecord.LengthMask)]
    [InlineData(RingRecord.LengthMask | RingRecord.DiscardBit)]
    [InlineData(4096u)]
    [InlineData(4089u | RingRecord.DiscardBit)]
    public void A_record_longer_than_the_ring_is_corruption(uint header)
    {
        using FakeRing ring = new(4096);
        *ring.Producer = 4096;
        ring.SetHeader(0, header);
        Assert.Throws<RingCorruptedException>(() => RingReaderTests.Read(ring.Reader));
    }

    [Fact]
    public void A_record_of_the_whole_ring_is_not()
    {
        using FakeRing ring = new FakeRing(4096).StartAt(2048);
        *ring.Producer = 2048 + 4096;
        ring.SetHeader(2048, 4088);
        Assert.Equal(4088, Assert.Single(RingReaderTests.Read(ring.Reader)).Length);
    }

    [Theory]
    [InlineData(4096UL, 4088UL)]
    [InlineData(4096UL, 0UL)]
    [InlineData(0UL, ulong.MaxValue - 7)]
    [InlineData(0UL, 1UL << 63)]
    [InlineData(0UL, 4104UL)]
    [InlineData(0UL, 12UL)]
    [InlineData(4UL, 12UL)]
    [InlineData(4UL, 16UL)]
    [InlineData(5UL, 5UL)]
    public void Positions_that_contradict_each_other_are_corruption(ulong consumer, ulong producer)
    {
        using FakeRing ring = new(4096);
        *ring.Consumer = consumer;
        *ring.Producer = producer;
        RingReader reader = ring.Reopen();
        Assert.Throws<RingCorruptedException>(() => RingReaderTests.Read(reader));
        Assert.Throws<RingCorruptedException>(() => reader.TryAcquire(out _));
        Assert.Equal(0, reader.RecordsRead);
        Assert.InRange(reader.PendingBytes, 0, reader.DataBytes);
    }

    [Fact]
    public void A_producer_that_runs_backwards_while_it_is_read_is_corruption()
    {
        using FakeRing ring = new(4096);
        ring.Output([1]);
        RingReaderTests.Read(ring.Reader);
        *ring.Producer = 8;
        RingCorruptedException e = Assert.Throws<RingCorruptedException>(() => RingReaderTests.Read(ring.Reader));
        Assert.Contains("backwards", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_writes_to_the_consumer_page_cannot_lead_the_reader_astray()
    {
        using FakeRing ring = new(4096);
        for (byte i = 0; i < 100; i++)
        {
            Assert.True(ring.Output([i]));
            *ring.Consumer = i * 1234567UL;
            Assert.Equal([[i]], RingReaderTests.Read(ring.Reader));
            Assert.Equal(*ring.Producer, *ring.Consumer);
        }
    }

    [Fact]
    public void Records_of_no_length_end()
    {
        using FakeRing ring = new(4096);
        *ring.Producer = 4096;
        Assert.Equal(512, RingReaderTests.Read(ring.Reader).Count);
        Assert.Empty(RingReaderTests.Read(ring.Reader));
    }

    [Fact]
    public void Random_memory_ends_in_corruption_or_in_records_within_the_ring()
    {
        Random random = new(20_261_123);
        int corrupted = 0;
        long records = 0;
        for (int round = 0; round < 20_000; round++)
        {
            int size = 64 << random.Next(7);
            using FakeRing ring = new(size);
            Scramble(random, ring);
            RingReader reader = ring.Reopen();
            try
            {
                for (int call = 0; call < 4; call++)
                {
                    long before = reader.RecordsRead;
                    long pending = reader.PendingBytes;
                    Assert.InRange(pending, 0, size);
                    if (random.Next(3) == 0)
                    {
                        if (reader.TryAcquire(out RecordLease lease))
                        {
                            BoundsSink one = new(ring);
                            one.OnRecord(lease.Data);
                            lease.Dispose();
                        }
                    }
                    else
                    {
                        BoundsSink sink = new(ring);
                        Assert.InRange(reader.Drain(ref sink), 0, size / 8);
                    }

                    Assert.InRange(reader.RecordsRead - before, 0, size / 8);
                    records += reader.RecordsRead - before;
                    reader.HasRecordsAfterPublishing();
                    if (random.Next(2) == 0)
                    {
                        *ring.Producer += (ulong)random.Next(-64, 256) & ~(random.Next(4) == 0 ? 0UL : 7UL);
                    }
                }
            }
            catch (RingCorruptedException)
            {
                corrupted++;
            }
        }

        // Both ends of the road were travelled.
        Assert.InRange(corrupted, 1_000, 19_999);
        Assert.InRange(records, 10_000, long.MaxValue);
        TestContext.Current.TestOutputHelper!.WriteLine($"{corrupted} of 20,000 corrupted, {records} records");
    }

    /// <summary>Wholly random contents now and then; mostly nearly right ones, which get further.</summary>
    private static void Scramble(Random random, FakeRing ring)
    {
        Span<byte> half = ring.AllData[..ring.DataBytes];
        random.NextBytes(half);
        ulong start = random.Next(4) switch
        {
            0 => (ulong)random.NextInt64(),
            1 => (ulong)random.NextInt64() & ~7UL,
            2 => ulong.MaxValue - (ulong)random.Next(4096) & ~7UL,
            _ => 0,
        };
        *ring.Consumer = start;
        *ring.Producer = random.Next(4) switch
        {
            0 => (ulong)random.NextInt64(),
            1 => start - (ulong)random.Next(64),
            _ => start + ((ulong)random.Next(ring.DataBytes + 16) & ~7UL),
        };
        if (random.Next(4) != 0)
        {
            for (int at = 0; at < half.Length; at += 8)
            {
                uint flags = (uint)random.Next(12) switch { 0 => RingRecord.BusyBit, 1 or 2 => RingRecord.DiscardBit, _ => 0 };
                BitConverter.TryWriteBytes(half[at..], (uint)random.Next(random.Next(20) == 0 ? ring.DataBytes * 2 : 32) | flags);
            }
        }

        half.CopyTo(ring.AllData[ring.DataBytes..]);
    }

    private readonly struct BoundsSink(FakeRing ring) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            fixed (byte* begin = record)
            {
                if (record.Length > 0)
                {
                    Assert.True(begin >= ring.Data + 8 && begin < ring.Data + ring.DataBytes + 8);
                    Assert.True(begin + record.Length <= ring.Data + (2 * ring.DataBytes));
                    Assert.Equal(0UL, (ulong)begin % 8);
                }
            }
        }
    }
}
