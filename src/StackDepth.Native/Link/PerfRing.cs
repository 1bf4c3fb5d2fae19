using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// The mapped ring of a perf event (<c>struct perf_event_mmap_page</c> and the data pages behind it), and its reader. Records may wrap around the end: those are copied together.
/// Owns the mapping, not the event. One reader at a time.
/// </summary>
internal sealed unsafe class PerfRing : SafeHandle
{
    /// <summary><c>struct perf_event_header</c>: u32 type, u16 misc, u16 size, which counts the header.</summary>
    internal const int HeaderSize = 8;

    internal const int HeadAt = 1024;
    internal const int TailAt = 1032;

    private const int ProtReadWrite = 3;
    private const int MapShared = 1;

    private readonly SystemCalls? _sys;
    private readonly nuint _mappedBytes;
    private readonly ulong _dataBytes;
    private readonly byte[] _joined = new byte[ushort.MaxValue];
    private long _garbled;

    private PerfRing(SystemCalls? sys, int pageBytes, int dataBytes)
        : base(0, ownsHandle: sys is not null)
    {
        _sys = sys;
        DataAt = pageBytes;
        _dataBytes = (ulong)dataBytes;
        _mappedBytes = (nuint)(pageBytes + dataBytes);
    }

    /// <summary>A ring over memory of the caller's, for tests: not owned, and to be kept in place.</summary>
    internal PerfRing(byte* memory, int pageBytes, int dataBytes)
        : this((SystemCalls?)null, pageBytes, dataBytes) => SetHandle((nint)memory);

    public override bool IsInvalid => handle == 0;

    /// <summary>How often the ring contradicted itself, and all that was in it was skipped.</summary>
    internal long Garbled => Interlocked.Read(ref _garbled);

    private int DataAt { get; }

    /// <summary>Maps the ring of an event.</summary>
    /// <param name="eventFd">The event; the caller's.</param>
    /// <param name="dataPages">A power of two.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="errno">Why not.</param>
    /// <returns>Null, with the kernel's reason.</returns>
    internal static PerfRing? Map(int eventFd, int dataPages, SystemCalls sys, out Errno errno)
    {
        if (!BitOperations.IsPow2(dataPages))
        {
            throw new ArgumentOutOfRangeException(nameof(dataPages), dataPages, "A perf ring has a power of two of data pages.");
        }

        var page = Environment.SystemPageSize;
        var ring = new PerfRing(sys, page, dataPages * page);
        var address = sys.MMap(ring._mappedBytes, ProtReadWrite, MapShared, eventFd, 0);
        if (address <= 0)
        {
            errno = (Errno)(-address);
            ring.Dispose();
            return null;
        }

        errno = Errno.None;
        ring.SetHandle((nint)address);
        return ring;
    }

    /// <summary>Gives the records that are there, whole and with their headers, to <paramref name="sink"/>; not those that come meanwhile.</summary>
    internal void Drain<TSink>(ref TSink sink)
        where TSink : struct, IRecordSink, allows ref struct
    {
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            var memory = (byte*)handle;

            // Acquire, as what is before the head is read after it; and release, as the kernel overwrites what is before the tail (tools/include/linux/ring_buffer.h).
            var head = Volatile.Read(ref *(ulong*)(memory + HeadAt));
            var tail = *(ulong*)(memory + TailAt);
            while (head != tail)
            {
                var left = head - tail;
                var size = left < HeaderSize || left > _dataBytes ? 0 : Size(memory, tail);
                if (size < HeaderSize || size > left)
                {
                    Interlocked.Increment(ref _garbled);
                    tail = head;
                }
                else
                {
                    sink.OnRecord(Record(memory, tail, (int)size));
                    tail += size;
                }

                Volatile.Write(ref *(ulong*)(memory + TailAt), tail);
            }
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle() => _sys!.MUnmap(handle, _mappedBytes) >= 0;

    private uint Size(byte* memory, ulong position) => BinaryPrimitives.ReadUInt16LittleEndian(Record(memory, position, HeaderSize)[6..]);

    private ReadOnlySpan<byte> Record(byte* memory, ulong position, int size)
    {
        var at = (int)(position & (_dataBytes - 1));
        var data = new ReadOnlySpan<byte>(memory + DataAt, (int)_dataBytes);
        var straight = Math.Min(size, data.Length - at);
        if (straight == size)
        {
            return data.Slice(at, size);
        }

        data[at..].CopyTo(_joined);
        data[..(size - straight)].CopyTo(_joined.AsSpan(straight));
        return _joined.AsSpan(0, size);
    }
}
