using System.Runtime.InteropServices;
using StackDepth.Native.Ring;

namespace StackDepth.Native.Tests.Ring;

/// <summary>A ring in ordinary memory, with a producer that does what the kernel's does; the data is kept twice, as the kernel maps it twice.</summary>
internal sealed unsafe class FakeRing : IDisposable
{
    private readonly byte* _memory;
    private readonly ulong _mask;

    internal FakeRing(int dataBytes)
    {
        // Guarded by what follows the ring in the block: a read past the end would be seen as 0xEE.
        int total = 128 + (2 * dataBytes) + 4096;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)total, 4096);
        new Span<byte>(_memory, total - 4096).Clear();
        new Span<byte>(_memory + total - 4096, 4096).Fill(0xEE);
        DataBytes = dataBytes;
        _mask = (ulong)dataBytes - 1;
        Reader = new RingReader(new RingMemory(Consumer, Producer, Data, dataBytes));
    }

    internal int DataBytes { get; }

    internal RingReader Reader { get; private set; }

    internal ulong* Consumer => (ulong*)_memory;

    internal ulong* Producer => (ulong*)(_memory + 64);

    internal byte* Data => _memory + 128;

    internal Span<byte> AllData => new(Data, 2 * DataBytes);

    /// <summary>A new reader over the memory as it is now.</summary>
    internal RingReader Reopen() => Reader = new RingReader(new RingMemory(Consumer, Producer, Data, DataBytes));

    /// <summary>Starts the ring at a position, as if that many bytes had gone through it.</summary>
    internal FakeRing StartAt(ulong position)
    {
        *Consumer = *Producer = position;
        Reopen();
        return this;
    }

    /// <summary>bpf_ringbuf_reserve: the record's position, or null when there is no room.</summary>
    internal ulong? Reserve(int length)
    {
        ulong position = *Producer;
        ulong next = position + RingRecord.TotalSize((uint)length);
        if (next - Volatile.Read(ref *Consumer) > _mask)
        {
            return null;
        }

        SetHeader(position, (uint)length | RingRecord.BusyBit);
        Volatile.Write(ref *Producer, next);
        return position;
    }

    /// <summary>Writes a header, which lies in the first copy, or in both when copied.</summary>
    internal void SetHeader(ulong position, uint header)
    {
        Volatile.Write(ref *(uint*)(Data + DataBytes + (position & _mask)), header);
        Volatile.Write(ref *(uint*)(Data + (position & _mask)), header);
    }

    internal void Fill(ulong position, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            ulong offset = (position + RingRecord.HeaderSize + (ulong)i) & _mask;
            Data[offset] = data[i];
            Data[offset + (ulong)DataBytes] = data[i];
        }
    }

    /// <summary>bpf_ringbuf_output.</summary>
    internal bool Output(ReadOnlySpan<byte> data)
    {
        if (Reserve(data.Length) is not { } position)
        {
            return false;
        }

        Fill(position, data);
        SetHeader(position, (uint)data.Length);
        return true;
    }

    internal bool Discard(int length)
    {
        if (Reserve(length) is not { } position)
        {
            return false;
        }

        SetHeader(position, (uint)length | RingRecord.DiscardBit);
        return true;
    }

    public void Dispose()
    {
        Reader.Dispose();
        NativeMemory.AlignedFree(_memory);
    }
}
