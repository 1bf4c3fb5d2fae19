using System.Buffers.Binary;
using StackDepth.Native.Link;
using StackDepth.Native.Ring;

namespace StackDepth.Native.Tests.Link;

public sealed unsafe class PerfRingTests
{
    private const int PageBytes = 4096;
    private const int DataBytes = 256;

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(250)]
    [InlineData(ulong.MaxValue - 100)]
    public void Records_are_read_whole_wherever_they_lie(ulong start)
    {
        Check((ring, memory) =>
        {
            Set(memory, PerfRing.TailAt, start);
            var random = new Random(1);
            var position = start;
            for (var round = 0; round < 200; round++)
            {
                List<byte[]> records = [];
                for (var left = DataBytes; ;)
                {
                    var record = new byte[random.Next(1, 12) * 8];
                    if ((left -= record.Length) < 0)
                    {
                        break;
                    }

                    random.NextBytes(record);
                    BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(6), (ushort)record.Length);
                    Append(memory, ref position, record);
                    records.Add(record);
                }

                Set(memory, PerfRing.HeadAt, position);
                Assert.Equal(records, Read(ring));
                Assert.Equal(position, Get(memory, PerfRing.TailAt));
            }

            Assert.Equal(0, ring.Garbled);
        });
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(7, 64)]
    [InlineData(72, 64)]
    [InlineData(ushort.MaxValue, 256)]
    [InlineData(8, 4)]
    [InlineData(8, 257)]
    [InlineData(8, ulong.MaxValue)]
    public void A_ring_that_contradicts_itself_is_skipped_and_read_on(ushort size, ulong head)
    {
        Check((ring, memory) =>
        {
            BinaryPrimitives.WriteUInt16LittleEndian(new Span<byte>((byte*)memory + PageBytes + 6, 2), size);
            Set(memory, PerfRing.HeadAt, head);
            Assert.Empty(Read(ring));
            Assert.Equal(1, ring.Garbled);
            Assert.Equal(head, Get(memory, PerfRing.TailAt));
            byte[] sound = [1, 0, 0, 0, 0, 0, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8];
            Append(memory, ref head, sound);
            Set(memory, PerfRing.HeadAt, head);
            Assert.Equal([sound], Read(ring));
        });
    }

    [Fact]
    public void Records_of_any_content_are_decoded_or_refused()
    {
        var random = new Random(2);
        var mappings = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(0, 120)];
            random.NextBytes(bytes);
            var record = new PerfRecord(bytes);
            Assert.InRange(record.Path.Length, 0, Math.Max(bytes.Length - 72, 0));
            _ = (record.Type, record.ProcessId, record.ParentId, record.IsFirstThread, record.IsExec, record.LostCount, record.FileOffset);
            if (record.IsExecutableFile)
            {
                mappings++;
                Assert.True(record.ProcessId > 0 && record.Start + record.Length > record.Start && record.Inode != 0);
            }
        }

        // Random device numbers are almost never so small.
        Assert.InRange(mappings, 0, 20);
    }

    private static void Check(Action<PerfRing, nint> check)
    {
        var buffer = new byte[PageBytes + DataBytes];
        fixed (byte* memory = buffer)
        {
            using var ring = new PerfRing(memory, PageBytes, DataBytes);
            check(ring, (nint)memory);
        }
    }

    private static List<byte[]> Read(PerfRing ring)
    {
        List<byte[]> records = [];
        var sink = new Sink(records);
        ring.Drain(ref sink);
        return records;
    }

    private static void Append(nint memory, ref ulong position, byte[] record)
    {
        foreach (var value in record)
        {
            ((byte*)memory)[PageBytes + (int)(position++ % DataBytes)] = value;
        }
    }

    private static void Set(nint memory, int at, ulong value) => *(ulong*)((byte*)memory + at) = value;

    private static ulong Get(nint memory, int at) => *(ulong*)((byte*)memory + at);

    private readonly struct Sink(List<byte[]> records) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record) => records.Add(record.ToArray());
    }
}
