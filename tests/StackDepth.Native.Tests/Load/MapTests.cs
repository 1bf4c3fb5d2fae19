using System.Buffers.Binary;
using System.Runtime.InteropServices;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Load;

public sealed unsafe class MapTests
{
    private static byte[] Key(int number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(key, number);
        return key;
    }

    private static SortedDictionary<long, long> All(BpfMap map, out bool complete)
    {
        var entries = new SortedDictionary<long, long>();
        complete = map.ReadAll((key, value) => entries.Add(
            key.Length == 4 ? BinaryPrimitives.ReadInt32LittleEndian(key) : BinaryPrimitives.ReadInt64LittleEndian(key),
            map.IsPerCpu ? Enumerable.Range(0, map.PossibleCpus).Sum(At(value.ToArray(), map)) : BinaryPrimitives.ReadInt64LittleEndian(value)));
        return entries;
    }

    private static Func<int, long> At(byte[] value, BpfMap map) => cpu => BinaryPrimitives.ReadInt64LittleEndian(map.CpuValue(value, cpu));

    private static FaultySystemCalls WithoutBatch(Errno errno = Errno.ENOTSUPP) =>
        new() { OnBpf = (command, _, _) => command == BpfCommand.MapLookupBatch ? -(long)errno : null };

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.LruHash)]
    [InlineData(MapType.PerCpuHash)]
    [InlineData(MapType.LruPerCpuHash)]
    internal void A_hash_takes_gives_and_loses_entries(MapType type)
    {
        Requires.Bpf();
        using var map = BpfMap.Create(new MapSpec("hash", type, 8, 8, 100), SystemCalls.Real);
        var value = new byte[map.ValueStride];
        Assert.False(map.TryLookup(Key(1), value));
        value[0] = 42;
        map.Update(Key(1), value);
        Assert.Equal(Errno.EEXIST, Assert.Throws<KernelException>(() => map.Update(Key(1), value, MapUpdateFlags.NoExist)).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => map.Update(Key(2), value, MapUpdateFlags.Exist)).Errno);
        value[0] = 0;
        Assert.True(map.TryLookup(Key(1), value));
        Assert.Equal(42, value[0]);
        Assert.True(map.Delete(Key(1)));
        Assert.False(map.Delete(Key(1)));
    }

    [Theory]
    [InlineData(MapType.Hash, true)]
    [InlineData(MapType.Hash, false)]
    [InlineData(MapType.PerCpuHash, true)]
    [InlineData(MapType.PerCpuHash, false)]
    [InlineData(MapType.LruHash, true)]
    internal void All_entries_of_a_hash_are_read_once(MapType type, bool batch)
    {
        Requires.Bpf();
        var sys = batch ? new FaultySystemCalls() : WithoutBatch();
        using var map = BpfMap.Create(new MapSpec("hash", type, 8, 8, 60_000), sys);
        Assert.Empty(All(map, out _));
        var value = new byte[map.ValueStride];
        const int count = 30_000;
        for (var i = 0; i < count; i++)
        {
            for (var cpu = 0; cpu < value.Length; cpu += 8)
            {
                BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(cpu), i + cpu);
            }

            map.Update(Key(i), value);
        }

        var entries = All(map, out var complete);
        Assert.True(complete);
        Assert.Equal(count, entries.Count);
        var cpus = map.ValueStride / 8;
        Assert.All(entries, entry => Assert.Equal(cpus * entry.Key + 8 * (cpus * (cpus - 1) / 2), entry.Value));
        Assert.Equal(batch ? 0 : count + 2, sys.Calls(BpfCommand.MapGetNextKey));
    }

    [Theory]
    [InlineData(MapType.Array, true)]
    [InlineData(MapType.Array, false)]
    [InlineData(MapType.PerCpuArray, true)]
    [InlineData(MapType.PerCpuArray, false)]
    internal void All_entries_of_an_array_are_read(MapType type, bool batch)
    {
        Requires.Bpf();
        var sys = batch ? new FaultySystemCalls() : WithoutBatch(Errno.EINVAL);
        using var map = BpfMap.Create(new MapSpec("array", type, 4, 8, 5000), sys);
        var value = new byte[map.ValueStride];
        for (var i = 0; i < 5000; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value, i * 3);
            map.Update(BitConverter.GetBytes(i), value);
        }

        var entries = All(map, out var complete);
        Assert.True(complete);
        Assert.Equal(Enumerable.Range(0, 5000).Select(static i => (long)i), entries.Keys);
        Assert.All(entries, static entry => Assert.Equal(entry.Key * 3, entry.Value));
        Assert.Equal(batch ? 0 : 5000, sys.Calls(BpfCommand.MapLookupElem));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reading_all_ends_and_keeps_what_stays_while_others_come_and_go(bool batch)
    {
        Requires.Bpf();
        using var map = BpfMap.Create(new MapSpec("hash", MapType.Hash, 8, 8, 4096), batch ? SystemCalls.Real : WithoutBatch());
        for (var i = 0; i < 1000; i++)
        {
            map.Update(Key(i), Key(i));
        }

        using var stop = new CancellationTokenSource();
        var churn = new Thread(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                map.Update(Key(1_000_000 + i % 2000), Key(i));
                map.Delete(Key(1_000_000 + (i + 1000) % 2000));
            }
        });
        churn.Start();
        try
        {
            for (var round = 0; round < 20; round++)
            {
                var entries = All(map, out var complete);
                if (complete)
                {
                    Assert.Equal(1000, entries.Count(static entry => entry.Key < 1000 && entry.Key == entry.Value));
                }
                else
                {
                    Assert.False(batch);
                }
            }
        }
        finally
        {
            stop.Cancel();
            churn.Join();
        }
    }

    [Fact]
    public void Keys_that_begin_again_and_again_do_not_keep_the_reader_for_ever()
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls
        {
            OnBpf = static (command, call, attribute) =>
            {
                if (command == BpfCommand.MapGetNextKey)
                {
                    *(long*)((MapElementAttribute*)attribute)->ValueOrNextKey = call % 3;
                    return 0;
                }

                return command == BpfCommand.MapLookupBatch ? -(long)Errno.EINVAL : null;
            },
        };
        using var map = BpfMap.Create(new MapSpec("hash", MapType.Hash, 8, 8, 100), sys);
        for (var i = 0; i < 3; i++)
        {
            map.Update(Key(i), Key(i));
        }

        Assert.Equal(3, All(map, out var complete).Count);
        Assert.False(complete);
    }

    [Fact]
    public void A_bucket_that_does_not_fit_a_batch_gets_more_room()
    {
        Requires.Bpf();
        var rooms = new List<uint>();
        var sys = new FaultySystemCalls
        {
            OnBpf = (command, call, attribute) =>
            {
                if (command != BpfCommand.MapLookupBatch)
                {
                    return null;
                }

                rooms.Add(((MapBatchAttribute*)attribute)->Count);
                return call <= 2 ? -(long)Errno.ENOSPC : null;
            },
        };
        using var map = BpfMap.Create(new MapSpec("hash", MapType.Hash, 8, 8, 1_000_000, MapFlags.NoPreallocation), sys);
        map.Update(Key(5), Key(6));
        Assert.Equal(6, All(map, out _)[5]);
        Assert.Equal(rooms[0] * 4, rooms[2]);
    }

    [Fact]
    public void A_full_map_says_so()
    {
        Requires.Bpf();
        using var map = BpfMap.Create(new MapSpec("small", MapType.Hash, 8, 8, 2), SystemCalls.Real);
        var error = Assert.Throws<KernelException>(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                map.Update(Key(i), Key(i));
            }
        });
        Assert.Equal(Errno.E2BIG, error.Errno);
        Assert.Contains("full", error.Message, StringComparison.Ordinal);
        Assert.Contains("'small'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Typed_reads_of_arrays_and_of_all_cpus_agree_with_the_bytes()
    {
        Requires.Bpf();
        using var plain = BpfMap.Create(new MapSpec("plain", MapType.Array, 4, 8, 3), SystemCalls.Real);
        plain.Write(2, 0x1122334455667788UL);
        Assert.Equal(0x1122334455667788UL, plain.ReadUInt64(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => plain.ReadUInt64(3));
        Assert.Throws<InvalidOperationException>(() => plain.Read<int>(0));
        Assert.Throws<InvalidOperationException>(() => plain.ReadPerCpu<ulong>(0));

        // 12 bytes: the kernel puts the CPUs 16 apart.
        using var perCpu = BpfMap.Create(new MapSpec("percpu", MapType.PerCpuArray, 4, 12, 1), SystemCalls.Real);
        Assert.Equal(16 * perCpu.PossibleCpus, perCpu.ValueStride);
        var value = new byte[perCpu.ValueStride];
        for (var cpu = 0; cpu < perCpu.PossibleCpus; cpu++)
        {
            MemoryMarshal.Write(value.AsSpan(cpu * 16), new Twelve(cpu + 1, 2, 3));
        }

        perCpu.Update(new byte[4], value);
        Assert.Equal(Enumerable.Range(1, perCpu.PossibleCpus).Select(static i => new Twelve(i, 2, 3)), perCpu.ReadPerCpu<Twelve>(0));
        Assert.Throws<ArgumentException>(() => perCpu.TryLookup(new byte[4], new byte[12]));
        Assert.Throws<ArgumentException>(() => perCpu.TryLookup(new byte[5], value));
    }

    [Fact]
    public void A_map_tells_its_memory()
    {
        Requires.Bpf();
        using var map = BpfMap.Create(new MapSpec("big", MapType.Array, 4, 4096, 1000), SystemCalls.Real);
        Assert.InRange(map.MemoryBytes, 4096 * 1000L, 3 * 4096 * 1000L);
    }

    /// <summary>Before 6.4 (map_mem_usage) the kernel does not tell it.</summary>
    [Fact]
    public void A_ring_tells_its_memory()
    {
        Requires.Bpf();
        Requires.Linux(6, 4);
        using var ring = BpfMap.Create(new MapSpec("ring", MapType.RingBuffer, 0, 0, 65536), SystemCalls.Real);
        Assert.NotEqual(0, ring.MemoryBytes);
    }

    [Fact]
    public void Sizes_that_make_no_map_are_refused()
    {
        Assert.Throws<ArgumentException>(() => BpfMap.Create(new MapSpec("a", MapType.Array, 8, 8, 1), SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(new MapSpec("a", MapType.Hash, 8, 0, 1), SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(new MapSpec("a", MapType.Hash, 8, 8, 0), SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(new MapSpec("a", MapType.RingBuffer, 4, 4, 4096), SystemCalls.Real));
        Assert.Throws<ArgumentException>(() => BpfMap.Create(new MapSpec("a", MapType.RingBuffer, 0, 0, 3 * 4096), SystemCalls.Real));
    }

    [Fact]
    public void A_per_cpu_value_larger_than_the_kernel_takes_is_explained()
    {
        Requires.Bpf();
        var error = Assert.Throws<KernelException>(() => BpfMap.Create(new MapSpec("a", MapType.PerCpuArray, 4, 70_000, 1), SystemCalls.Real));
        Assert.Contains("32 KiB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_map_says_so_instead_of_using_anothers_descriptor()
    {
        Requires.Bpf();
        var map = BpfMap.Create(new MapSpec("gone", MapType.Array, 4, 8, 1), SystemCalls.Real);
        map.Dispose();
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.ReadUInt64(0));
        Assert.Throws<ObjectDisposedException>(() => map.ReadAll(static (_, _) => { }));
        Assert.Throws<ObjectDisposedException>(() => map.Fd);
    }

    private readonly record struct Twelve(int A, int B, int C);
}
