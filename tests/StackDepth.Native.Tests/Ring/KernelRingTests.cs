using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Ring;

/// <summary>The reader against the kernel's own producer.</summary>
public sealed unsafe class KernelRingTests
{
    [Fact]
    public void Records_of_the_kernel_come_whole_and_in_order_over_many_wraps()
    {
        using KernelRing ring = new(4096);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        KernelRing.Producer producer = ring.Load(varied: true);
        SequenceSink sink = default;
        for (int round = 0; round < 2_000; round++)
        {
            producer.Run(30);
            Assert.Equal(30, reader.Drain(ref sink));
        }

        Assert.Equal(60_000UL, sink.Next);
        Assert.Equal((0, 0, 0), (sink.Missing, sink.OutOfOrder, sink.Damaged));
        Assert.Equal(0UL, producer.Lost);
        Assert.Equal(60_000, reader.RecordsRead);
    }

    [Fact]
    public void A_lease_reads_the_kernel_s_records_too()
    {
        using KernelRing ring = new(4096);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        KernelRing.Producer producer = ring.Load(varied: true);
        SequenceSink sink = default;
        for (int i = 0; i < 1_000; i++)
        {
            producer.Run(1);
            Assert.True(reader.TryAcquire(out RecordLease lease));
            Assert.Equal(16 + (i % 64), lease.Data.Length);
            sink.OnRecord(lease.Data);
            lease.Dispose();
            Assert.False(reader.TryAcquire(out _));
        }

        Assert.Equal((1_000UL, 0L), (sink.Next, sink.Damaged));
    }

    [Theory]
    [InlineData(4096, 1_000)]
    [InlineData(65536, 100_000)]
    public void A_ring_that_nobody_reads_holds_exactly_what_fits_and_the_rest_is_lost(int size, int produced)
    {
        using KernelRing ring = new(size);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        KernelRing.Producer producer = ring.Load();
        producer.Run(produced);
        int fits = (size - 1) / 24;
        Assert.Equal((ulong)(produced - fits), producer.Lost);
        Assert.Equal(fits * 24, reader.PendingBytes);
        SequenceSink sink = default;
        Assert.Equal(fits, reader.Drain(ref sink));
        Assert.Equal((0, 0, 0), (sink.Missing, sink.OutOfOrder, sink.Damaged));

        // Room again, and the gap shows.
        producer.Run(1);
        Assert.Equal(1, reader.Drain(ref sink));
        Assert.Equal(produced - fits, sink.Missing);
    }

    [Fact]
    public void Records_that_the_program_discards_are_skipped_and_counted()
    {
        using KernelRing ring = new(65536);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        KernelRing.Producer producer = ring.Load(discardEvery: 4);
        SequenceSink sink = default;
        for (int round = 0; round < 100; round++)
        {
            producer.Run(1_000);
            Assert.Equal(750, reader.Drain(ref sink));
        }

        Assert.Equal(25_000, reader.Discarded);
        Assert.Equal(25_000, sink.Missing);
        Assert.Equal((0L, 0L, 0UL), (sink.OutOfOrder, sink.Damaged, producer.Lost));
    }

    [Fact]
    public void The_producer_s_pages_are_mapped_read_only_and_the_data_twice()
    {
        using KernelRing ring = new(65536);
        using RingMemory memory = RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real);
        using FileStream file = File.OpenRead("/dev/zero");
        int zero = (int)file.SafeFileHandle.DangerousGetHandle();
        const int BadAddress = -14;
        Assert.Equal(BadAddress, SystemCalls.Real.Read(zero, memory.Producer, 8));
        Assert.Equal(BadAddress, SystemCalls.Real.Read(zero, memory.Data, 8));
        Assert.Equal(BadAddress, SystemCalls.Real.Read(zero, memory.Data + (2 * ring.DataBytes) - 8, 8));
        Assert.Equal(8, SystemCalls.Real.Read(zero, memory.Consumer, 8));

        ring.Load().Run(2);
        ReadOnlySpan<byte> first = new(memory.Data, ring.DataBytes);
        Assert.True(first.SequenceEqual(new ReadOnlySpan<byte>(memory.Data + ring.DataBytes, ring.DataBytes)));
        Assert.Equal(16u, *(uint*)memory.Data);
    }

    [Fact]
    public void Two_producers_beside_the_reader_lose_nothing_in_a_ring_that_is_big_enough()
    {
        const int Each = 1_000_000;
        using KernelRing ring = new(64 * 1024 * 1024);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer[] producers = [ring.Load(Wakeups.Adaptive), ring.Load(Wakeups.Adaptive, first: TwoProducerSink.Second)];
        Thread[] threads = [.. producers.Select(p => new Thread(() => p.Run(Each)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        TwoProducerSink sink = default;
        PollPeriod period = default;
        while (sink.A.Records + sink.B.Records < 2 * Each && producers.All(p => p.Lost == 0))
        {
            poller.Wait(period.Current);
            period.Next(reader.Drain(ref sink) > 0);
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.All(producers, p => Assert.Equal(0UL, p.Lost));
        Assert.Equal(((long)Each, 0L, 0L, 0L), (sink.A.Records, sink.A.Missing, sink.A.OutOfOrder, sink.A.Damaged));
        Assert.Equal(((long)Each, 0L, 0L, 0L), (sink.B.Records, sink.B.Missing, sink.B.OutOfOrder, sink.B.Damaged));
    }

    [Theory]
    [InlineData(4096, 2, 300_000)]
    [InlineData(65536, 0, 3_000_000)]
    [InlineData(65536, 3, 3_000_000)]
    [InlineData(65536, 5, 3_000_000)]
    public void In_a_ring_that_is_too_small_every_record_is_either_read_or_counted_as_lost(int size, int wakeups, int produced)
    {
        using KernelRing ring = new(size);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer producer = ring.Load((Wakeups)wakeups, varied: true);
        bool finished = false;
        Thread thread = new(() =>
        {
            producer.Run(produced);
            Volatile.Write(ref finished, true);
            poller.Wake();
        });
        thread.Start();
        SequenceSink sink = default;
        while (!Volatile.Read(ref finished))
        {
            poller.Wait(TimeSpan.FromMilliseconds(1));
            reader.Drain(ref sink);
        }

        thread.Join();
        while (reader.Drain(ref sink) > 0)
        {
        }

        Assert.Equal((ulong)produced, producer.Next);
        Assert.Equal(produced, sink.Records + (long)producer.Lost);
        Assert.Equal((0, 0), (sink.OutOfOrder, sink.Damaged));
        // Each gap is a loss; losses behind the last record read leave no gap.
        Assert.Equal(produced, sink.Records + sink.Missing + (produced - (long)sink.Next));
        Assert.Equal(0, reader.PendingBytes);
        TestContext.Current.TestOutputHelper!.WriteLine($"read {sink.Records}, lost {producer.Lost}");
    }

    [Fact]
    public void Reading_a_million_records_allocates_nothing()
    {
        using KernelRing ring = new(1024 * 1024);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer producer = ring.Load(Wakeups.Adaptive);
        SummingSink sink = default;
        long allocated = long.MaxValue;
        // The first time round pays for what is made once.
        for (int round = 0; round < 2; round++)
        {
            sink = default;
            bool stop = false;
            Thread thread = new(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    producer.Run(10_000);
                }
            });
            thread.Start();
            long before = GC.GetAllocatedBytesForCurrentThread();
            PollPeriod period = default;
            while (sink.Records < 1_000_000)
            {
                poller.Wait(period.Current);
                bool found = reader.Drain(ref sink) > 0;
                period.Next(found);
                if (reader.TryAcquire(out RecordLease lease))
                {
                    sink.OnRecord(lease.Data);
                    lease.Dispose();
                }
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Volatile.Write(ref stop, true);
            thread.Join();
        }

        Assert.Equal(0, allocated);
    }

    private struct TwoProducerSink : IRecordSink
    {
        internal const ulong Second = 1UL << 56;
        internal SequenceSink A;
        internal SequenceSink B;

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            if (record[7] == 0)
            {
                A.OnRecord(record);
            }
            else
            {
                if (B.Records == 0)
                {
                    B.Next = Second;
                }

                B.OnRecord(record);
            }
        }
    }
}
