using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Ring;

/// <summary>Alone in the process, so that what is open and mapped can be counted.</summary>
[CollectionDefinition(nameof(RingOwnershipTests), DisableParallelization = true)]
public sealed class RunsAlone;

[Collection(nameof(RingOwnershipTests))]
public sealed unsafe class RingOwnershipTests
{
    [Fact]
    public void A_thousand_readers_and_pollers_leave_nothing_open_or_mapped()
    {
        using KernelRing ring = new(65536);
        KernelRing.Producer producer = ring.Load();
        RecordingSystemCalls sys = new();
        Round(ring, producer, sys);

        // What earlier tests left to the finalizer may close meanwhile, so fewer can be open than before; never more.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        int open = Directory.GetFiles("/proc/self/fd").Length;
        int mapped = MappedRings();
        for (int i = 0; i < 1_000; i++)
        {
            Round(ring, producer, sys);
        }

        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, open);
        Assert.Equal(0, mapped);
        Assert.Equal(0, MappedRings());
        Assert.Empty(sys.Open);
        Assert.Empty(sys.Mapped);
        Assert.Equal(2 * 1_001, sys.Unmapped);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_mapping_that_fails_leaves_none_behind_and_says_the_errno(int which)
    {
        using KernelRing ring = new(65536);
        RecordingSystemCalls sys = new() { FailMap = which };
        KernelException e = Assert.Throws<KernelException>(() => RingMemory.Map(ring.Fd, ring.DataBytes, sys));
        Assert.Equal(12, (int)e.Errno);
        Assert.Contains("ENOMEM", e.Message, StringComparison.Ordinal);
        Assert.Empty(sys.Mapped);
        Assert.Equal(which - 1, sys.Unmapped);
        Assert.Equal(0, MappedRings());
    }

    [Fact]
    public void A_descriptor_that_is_no_ring_is_refused()
    {
        using FileStream file = File.OpenRead("/dev/null");
        Assert.Throws<KernelException>(() => RingMemory.Map((int)file.SafeFileHandle.DangerousGetHandle(), 4096, SystemCalls.Real));
        Assert.Throws<KernelException>(() => RingMemory.Map(-1, 4096, SystemCalls.Real));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-4096)]
    [InlineData(2048)]
    [InlineData(12288)]
    [InlineData(int.MinValue)]
    public void A_size_that_no_ring_has_is_refused(int size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RingMemory.Map(-1, size, SystemCalls.Real));

    [Fact]
    public void A_size_larger_than_the_ring_s_own_is_refused_by_the_kernel_without_a_leak()
    {
        using KernelRing ring = new(65536);
        RecordingSystemCalls sys = new();
        Assert.Throws<KernelException>(() => RingMemory.Map(ring.Fd, 131072, sys));
        Assert.Empty(sys.Mapped);
    }

    [Fact]
    public void The_memory_stays_mapped_until_the_lease_ends()
    {
        using KernelRing ring = new(65536);
        RecordingSystemCalls sys = new();
        RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
        ring.Load().Run(1);
        Assert.True(reader.TryAcquire(out RecordLease lease));
        reader.Dispose();
        reader.Dispose();
        Assert.Equal(2, sys.Mapped.Count);
        Assert.Equal(16, lease.Data.Length);
        Assert.Equal(0, lease.Data[0]);
        lease.Dispose();
        Assert.Empty(sys.Mapped);
        Assert.Equal(2, sys.Unmapped);
    }

    [Fact]
    public void A_reader_disposed_of_by_another_thread_while_it_reads_ends_cleanly()
    {
        using KernelRing ring = new(65536);
        KernelRing.Producer producer = ring.Load();
        for (int round = 0; round < 200; round++)
        {
            RecordingSystemCalls sys = new();
            RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
            producer.Run(2_000);
            SummingSink sink = default;
            using Barrier barrier = new(2);
            Thread disposer = new(() =>
            {
                barrier.SignalAndWait(TestContext.Current.CancellationToken);
                reader.Dispose();
            });
            disposer.Start();
            barrier.SignalAndWait(TestContext.Current.CancellationToken);
            try
            {
                while (true)
                {
                    reader.Drain(ref sink, 100);
                }
            }
            catch (ObjectDisposedException)
            {
                disposer.Join();
            }

            Assert.Empty(sys.Mapped);
        }
    }

    [Theory]
    [InlineData(true, false, 24)]
    [InlineData(false, true, 1)]
    public void A_poller_that_cannot_be_made_leaves_nothing_open(bool failEventFd, bool failControl, int errno)
    {
        using FakeRing ring = new(4096);
        RecordingSystemCalls sys = new() { FailEventFd = failEventFd, FailControl = failControl };
        KernelException e = Assert.Throws<KernelException>(() => new RingPoller(0, ring.Reader, sys));
        Assert.Equal(errno, (int)e.Errno);
        Assert.Empty(sys.Open);
    }

    private static void Round(KernelRing ring, KernelRing.Producer producer, SystemCalls sys)
    {
        using RingReader reader = new(RingMemory.Map(ring.Fd, ring.DataBytes, sys));
        using RingPoller poller = new(ring.Fd, reader, sys);
        producer.Run(3);
        Assert.Equal(WaitResult.Data, poller.Wait(TimeSpan.FromMinutes(1)));
        SummingSink sink = default;
        Assert.Equal(3, reader.Drain(ref sink));
    }

    private static int MappedRings() => File.ReadLines("/proc/self/maps").Count(l => l.EndsWith("bpf-map", StringComparison.Ordinal));
}
