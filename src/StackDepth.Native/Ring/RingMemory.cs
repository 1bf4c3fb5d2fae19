using System.Numerics;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Ring;

/// <summary>
/// The mapped memory of a BPF ring buffer: the consumer page (read and write), and the producer page with the data pages behind it (read only; the kernel
/// maps the data twice in a row, so that a record which wraps around the end is contiguous). Owns both mappings, not the file descriptor: the mappings keep
/// the map alive by themselves.
/// </summary>
internal sealed unsafe class RingMemory : SafeHandle
{
    private const int ProtRead = 1;
    private const int ProtWrite = 2;
    private const int MapShared = 1;

    private readonly SystemCalls? _sys;
    private readonly nuint _consumerBytes;
    private readonly nuint _producerBytes;

    private RingMemory(SystemCalls sys, int pageBytes, int dataBytes)
        : base(0, ownsHandle: true)
    {
        _sys = sys;
        DataBytes = dataBytes;
        _consumerBytes = (nuint)pageBytes;
        _producerBytes = (nuint)pageBytes + (2 * (nuint)dataBytes);
    }

    /// <summary>A ring over memory of the caller's, for tests: not owned, and to be kept in place until this is disposed.</summary>
    /// <param name="consumer">The consumer position.</param>
    /// <param name="producer">The producer position.</param>
    /// <param name="data">Twice <paramref name="dataBytes"/> bytes, the second half the same as the first; 8-byte aligned.</param>
    /// <param name="dataBytes">The bytes of the ring: a power of two, at least 8.</param>
    internal RingMemory(ulong* consumer, ulong* producer, byte* data, int dataBytes)
        : base(0, ownsHandle: false)
    {
        if (dataBytes < RingRecord.Alignment || !BitOperations.IsPow2(dataBytes))
        {
            throw new ArgumentOutOfRangeException(nameof(dataBytes), dataBytes, "A ring's size in bytes is a power of two, at least 8.");
        }

        DataBytes = dataBytes;
        Producer = producer;
        Data = data;
        SetHandle((nint)consumer);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The bytes of the ring: a power of two.</summary>
    internal int DataBytes { get; }

    /// <summary>The consumer position. Only for holders of a reference (<see cref="SafeHandle.DangerousAddRef"/>).</summary>
    internal ulong* Consumer => (ulong*)handle;

    /// <summary>The producer position, read only. Only for holders of a reference.</summary>
    internal ulong* Producer { get; private set; }

    /// <summary>The data, <c>2 * DataBytes</c> bytes, read only. Only for holders of a reference.</summary>
    internal byte* Data { get; private set; }

    /// <summary>Maps a ring buffer.</summary>
    /// <param name="mapFd">A map of type <c>BPF_MAP_TYPE_RINGBUF</c>, open for reading and writing. It stays the caller's.</param>
    /// <param name="dataBytes">The <c>max_entries</c> the map was created with: a power of two, a multiple of the page size.</param>
    /// <param name="sys">The way to the kernel.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="dataBytes"/> cannot be a ring's size.</exception>
    /// <exception cref="KernelException">The kernel refused a mapping. Nothing stays mapped.</exception>
    internal static RingMemory Map(int mapFd, int dataBytes, SystemCalls sys)
    {
        int page = Environment.SystemPageSize;
        if (dataBytes < page || !BitOperations.IsPow2(dataBytes))
        {
            throw new ArgumentOutOfRangeException(
                nameof(dataBytes), dataBytes, $"A ring buffer's size in bytes is a power of two and a multiple of the page size ({page}).");
        }

        // The owner exists before there is anything to own, so no failure in between can leak a mapping.
        RingMemory memory = new(sys, page, dataBytes);
        try
        {
            memory.SetHandle(Check(sys.MMap(memory._consumerBytes, ProtRead | ProtWrite, MapShared, mapFd, 0), "its consumer page", dataBytes, sys));
            // Read only on purpose: the kernel refuses PROT_WRITE beyond the consumer page.
            nint producer = Check(sys.MMap(memory._producerBytes, ProtRead, MapShared, mapFd, page), "its producer and data pages", dataBytes, sys);
            memory.Producer = (ulong*)producer;
            memory.Data = (byte*)producer + page;
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        long consumer = _sys!.MUnmap(handle, _consumerBytes);
        long producer = Producer == null ? 0 : _sys.MUnmap((nint)Producer, _producerBytes);
        return consumer >= 0 && producer >= 0;
    }

    // Addresses of user space are positive; errnos come negated.
    private static nint Check(long result, string what, int dataBytes, SystemCalls sys) => result > 0
        ? (nint)result
        : throw KernelErrors.Create(
            KernelOperation.RingBufferMap,
            (Errno)(-result),
            what,
            sys,
            $"Check that the descriptor is a BPF ring buffer created with exactly {dataBytes} bytes, that it is not read-only, and that the process may map that much memory twice.");
}
