using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Ring;

public sealed unsafe class RingPollerTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    [Fact]
    public void An_idle_ring_times_out()
    {
        using KernelRing ring = new(65536);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        Assert.Equal(WaitResult.TimedOut, poller.Wait(TimeSpan.Zero));
        Assert.Equal(WaitResult.TimedOut, poller.Wait(TimeSpan.FromTicks(1)));
        Assert.Equal(WaitResult.TimedOut, poller.Wait(TimeSpan.FromMilliseconds(5)));
        Assert.Throws<ArgumentOutOfRangeException>(() => poller.Wait(TimeSpan.FromTicks(-1)));
    }

    [Fact]
    public void Records_that_nobody_announced_are_found_without_sleeping()
    {
        using KernelRing ring = new(65536);
        RecordingSystemCalls sys = new();
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
        using RingPoller poller = new(ring.Fd, reader, sys);
        ring.Load(Wakeups.Never).Run(1);
        Assert.Equal(WaitResult.Data, poller.Wait(Timeout.InfiniteTimeSpan));
        Assert.Empty(sys.Timeouts);
    }

    [Fact]
    public void No_wake_up_is_missed_in_a_ping_pong_by_the_kernel_s_default_notification()
    {
        const int Rounds = 50_000;
        using KernelRing ring = new(4096);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer producer = ring.Load();
        long answered = 0;
        bool stop = false;
        Thread thread = new(() =>
        {
            SpinWait spin = default;
            for (int i = 0; i < Rounds; i++)
            {
                // The answer comes before the consumer waits again: the notification races with its going to sleep.
                while (Volatile.Read(ref answered) < i && !Volatile.Read(ref stop))
                {
                    spin.SpinOnce(sleep1Threshold: -1);
                }

                producer.Run(1);
            }
        });
        thread.Start();
        SequenceSink sink = default;
        WaitResult result = WaitResult.Data;
        while (sink.Records < Rounds && result == WaitResult.Data)
        {
            result = poller.Wait(s_long);
            reader.Drain(ref sink);
            Volatile.Write(ref answered, sink.Records);
        }

        Volatile.Write(ref stop, true);
        thread.Join();
        Assert.Equal(WaitResult.Data, result);
        Assert.Equal((Rounds, 0L, 0L), (sink.Records, sink.Missing, sink.Damaged));
    }

    [Fact]
    public void No_wake_up_is_missed_while_the_producer_runs_freely()
    {
        const int Records = 1_000_000;
        using KernelRing ring = new(32 * 1024 * 1024);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer producer = ring.Load();
        Thread thread = new(() => producer.Run(Records));
        thread.Start();
        SequenceSink sink = default;
        WaitResult result = WaitResult.Data;
        while (sink.Records < Records && result == WaitResult.Data)
        {
            result = poller.Wait(s_long);
            reader.Drain(ref sink);
        }

        thread.Join();
        Assert.Equal((WaitResult.Data, 0UL), (result, producer.Lost));
        Assert.Equal((Records, 0L, 0L), (sink.Records, sink.Missing, sink.OutOfOrder));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void A_producer_that_seldom_wakes_wakes_a_sleeping_consumer_once_enough_is_pending(int wakeups)
    {
        using KernelRing ring = new(1024 * 1024);
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, SystemCalls.Real));
        using RingPoller poller = new(ring.Fd, reader, SystemCalls.Real);
        KernelRing.Producer producer = ring.Load((Wakeups)wakeups);
        SummingSink sink = default;
        for (int round = 1; round <= 50; round++)
        {
            // Asleep already or not when the 64 KiB are full (3,000 records take 72,000 bytes): either the program wakes it, or its look finds records.
            Thread thread = new(() => producer.Run(3_000));
            thread.Start();
            Assert.Equal(WaitResult.Data, poller.Wait(s_long));
            thread.Join();
            reader.Drain(ref sink);
            Assert.Equal(round * 3_000L, sink.Records);
        }
    }

    [Fact]
    public void A_wake_ends_one_wait_whether_it_comes_before_or_during_it()
    {
        using KernelRing ring = new(4096);
        RecordingSystemCalls sys = new();
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
        using RingPoller poller = new(ring.Fd, reader, sys);
        poller.Wake();
        poller.Wake();
        Assert.Equal(1, sys.Writes);
        Assert.Equal(WaitResult.Woken, poller.Wait(Timeout.InfiniteTimeSpan));
        Assert.Equal(WaitResult.TimedOut, poller.Wait(TimeSpan.FromMilliseconds(1)));

        int wakes = 0;
        Thread thread = new(() =>
        {
            for (int i = 1; i <= 20_000; i++)
            {
                poller.Wake();
                while (Volatile.Read(ref wakes) < i)
                {
                    Thread.SpinWait(1);
                }
            }
        });
        thread.Start();
        for (int i = 1; i <= 20_000; i++)
        {
            Assert.Equal(WaitResult.Woken, poller.Wait(s_long));
            Volatile.Write(ref wakes, i);
        }

        thread.Join();
    }

    [Fact]
    public void Disposing_ends_a_wait_and_later_wakes_do_nothing()
    {
        using KernelRing ring = new(4096);
        for (int round = 0; round < 500; round++)
        {
            RecordingSystemCalls sys = new();
            using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
            RingPoller poller = new(ring.Fd, reader, sys);
            using Barrier barrier = new(2);
            Thread disposer = new(() =>
            {
                barrier.SignalAndWait(TestContext.Current.CancellationToken);
                poller.Dispose();
            });
            disposer.Start();
            barrier.SignalAndWait(TestContext.Current.CancellationToken);
            try
            {
                Assert.Equal(WaitResult.Woken, poller.Wait(s_long));
            }
            catch (ObjectDisposedException)
            {
                // It was before the wait.
            }

            disposer.Join();
            Assert.Empty(sys.Open);
            poller.Wake();
            poller.Dispose();
            Assert.Throws<ObjectDisposedException>(() => poller.Wait(TimeSpan.Zero));
        }
    }

    [Fact]
    public void An_interrupted_wait_goes_on_and_any_other_error_is_thrown()
    {
        using FakeRing ring = new(4096);
        using KernelRing kernel = new(4096);
        RecordingSystemCalls sys = new();
        using RingPoller poller = new(kernel.Fd, ring.Reader, sys);
        for (int i = 0; i < 10; i++)
        {
            sys.Waits.Enqueue(-4);
        }

        sys.Waits.Enqueue(-9);
        KernelException e = Assert.Throws<KernelException>(() => poller.Wait(s_long));
        Assert.Equal(9, (int)e.Errno);
        Assert.Equal(11, sys.Timeouts.Count);
        Assert.All(sys.Timeouts, t => Assert.InRange(t, 1, (int)s_long.TotalMilliseconds));
    }

    [Fact]
    public void A_record_still_being_written_is_slept_for_and_not_spun_for()
    {
        using FakeRing ring = new(4096);
        using KernelRing kernel = new(4096);
        RecordingSystemCalls sys = new();
        using RingPoller poller = new(kernel.Fd, ring.Reader, sys);
        ulong busy = ring.Reserve(8)!.Value;
        kernel.Load().Run(1); // For epoll the ring is readable, as it is when a record of the kernel's is still being written.
        Assert.Equal(WaitResult.TimedOut, poller.Wait(TimeSpan.FromMilliseconds(1)));
        Assert.InRange(sys.Timeouts.Count, 1, 10);
        ring.SetHeader(busy, 8);
        Assert.Equal(WaitResult.Data, poller.Wait(Timeout.InfiniteTimeSpan));
    }

    [Fact]
    public void The_poll_period_grows_while_nothing_comes_and_falls_back_with_the_first_record()
    {
        PollPeriod period = default;
        List<double> periods = [];
        for (int i = 0; i < 10; i++)
        {
            periods.Add(period.Current.TotalMilliseconds);
            period.Next(found: false);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 100, 100, 100], periods);
        period.Next(found: true);
        Assert.Equal(1, period.Current.TotalMilliseconds);
    }
}
