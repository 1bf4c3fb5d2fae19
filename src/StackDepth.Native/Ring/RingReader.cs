using System.Runtime.CompilerServices;

namespace StackDepth.Native.Ring;

/// <summary>
/// Reads the records of a BPF ring buffer without copying or allocating: <see cref="Drain"/> for batches, <see cref="TryAcquire"/> for one record at a time.
/// One consumer at a time (a second one gets an <see cref="InvalidOperationException"/>); <see cref="Dispose"/> and the counters may be used from any thread,
/// also inside a sink.
/// </summary>
/// <remarks>
/// The consumer position is kept here and only ever written to the shared page, so whatever else writes there cannot lead the reader astray. Memory order:
/// the producer position and the header's first word are read with acquire (they pair with the kernel's <c>smp_store_release</c> and <c>xchg</c>), the consumer
/// position is written with release, after the last read of the data before it. What is lost when the ring is full is not visible here: the
/// program counts its failed reservations.
/// </remarks>
internal sealed unsafe class RingReader : IDisposable
{
    // A program holds a record for well under a microsecond, unless its CPU is taken away from it: spin for some 10 us, then let the poller sleep.
    private const int BusySpins = 64;
    private const int BusySpinLength = 4;

    // Fewer stores to a line that the producer reads at every reservation, yet less than the 64 KiB at which an adaptive producer starts to wake us.
    private const ulong MaxUnpublished = 16 * 1024;

    private readonly RingMemory _memory;
    private readonly ulong _mask;
    private readonly ulong _publishEvery;
    private ulong _position;
    private ulong _published;
    private ulong _producer;
    private long _recordsRead;
    private long _discarded;
    private int _inUse;
    private bool _leased;
    private volatile bool _disposed;

    /// <summary>Takes over <paramref name="memory"/> and goes on where the last consumer of the ring stopped.</summary>
    /// <param name="memory">The ring. Disposed with the reader.</param>
    internal RingReader(RingMemory memory)
    {
        _memory = memory;
        _mask = (ulong)memory.DataBytes - 1;
        _publishEvery = Math.Min((ulong)memory.DataBytes / 8, MaxUnpublished);
        bool held = false;
        try
        {
            memory.DangerousAddRef(ref held);
            _position = _published = _producer = Volatile.Read(ref *memory.Consumer);
        }
        finally
        {
            if (held)
            {
                memory.DangerousRelease();
            }
        }
    }

    /// <summary>Records given out, discarded ones not counted. During a <see cref="Drain"/> it stands at its beginning.</summary>
    internal long RecordsRead => Volatile.Read(ref _recordsRead);

    /// <summary>Records skipped because the program discarded them. During a <see cref="Drain"/> it stands at its beginning.</summary>
    internal long Discarded => Volatile.Read(ref _discarded);

    /// <summary>The size of the ring in bytes.</summary>
    internal long DataBytes => _memory.DataBytes;

    /// <summary>
    /// Bytes reserved by the producer and not read yet, headers and padding included; a snapshot, between 0 and <see cref="DataBytes"/> whatever the memory says.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The reader was disposed of.</exception>
    internal long PendingBytes
    {
        get
        {
            bool held = false;
            try
            {
                _memory.DangerousAddRef(ref held);
                ulong position = Volatile.Read(ref _position);
                return Math.Clamp((long)(Volatile.Read(ref *_memory.Producer) - position), 0, DataBytes);
            }
            finally
            {
                if (held)
                {
                    _memory.DangerousRelease();
                }
            }
        }
    }

    /// <summary>
    /// Gives records to <paramref name="sink"/> until the ring is empty, <paramref name="maxRecords"/> are read, as many bytes as the ring has were read (so that
    /// a producer that never stops cannot keep the caller here), the next record is still being written (after a short spin), or the reader is disposed of.
    /// </summary>
    /// <param name="sink">Takes the records. If it throws, the record it threw at counts as read, and the exception goes on to the caller.</param>
    /// <param name="maxRecords">The most records to read.</param>
    /// <returns>The number of records read, discarded ones not counted.</returns>
    /// <exception cref="RingCorruptedException">The ring's contents contradict themselves. Records before that place have been read.</exception>
    /// <exception cref="InvalidOperationException">Another thread, the sink's caller, or a lease is using the reader.</exception>
    /// <exception cref="ObjectDisposedException">The reader was disposed of.</exception>
    internal int Drain<TSink>(ref TSink sink, int maxRecords = int.MaxValue)
        where TSink : struct, IRecordSink, allows ref struct
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxRecords);
        Enter();
        ulong begin = _position;
        ulong position = begin;
        int records = 0;
        long discarded = 0;
        try
        {
            byte* data = _memory.Data;
            while (records < maxRecords && position - begin <= _mask && TryReadHeader(data, position, out uint header))
            {
                byte* record = data + (position & _mask) + RingRecord.HeaderSize;
                position += RingRecord.TotalSize(header);
                if ((header & RingRecord.DiscardBit) != 0)
                {
                    discarded++;
                }
                else
                {
                    records++;
                    sink.OnRecord(new ReadOnlySpan<byte>(record, (int)header));
                    if (_disposed)
                    {
                        break;
                    }
                }

                if (position - _published >= _publishEvery)
                {
                    Publish(position);
                }
            }

            return records;
        }
        finally
        {
            Advance(position, records, discarded);
            Exit();
        }
    }

    /// <summary>Takes the next record, if there is one, without copying it. Discarded records before it are skipped.</summary>
    /// <param name="lease">The record; to be disposed of before the reader is used again.</param>
    /// <returns>False when the ring is empty, or the next record is still being written (after a short spin).</returns>
    /// <exception cref="RingCorruptedException">The ring's contents contradict themselves.</exception>
    /// <exception cref="InvalidOperationException">Another thread, a sink's caller, or an earlier lease is using the reader.</exception>
    /// <exception cref="ObjectDisposedException">The reader was disposed of.</exception>
    internal bool TryAcquire(out RecordLease lease)
    {
        Enter();
        ulong begin = _position;
        ulong position = begin;
        long discarded = 0;
        bool leased = false;
        try
        {
            lease = default;
            byte* data = _memory.Data;
            while (position - begin <= _mask && TryReadHeader(data, position, out uint header))
            {
                ulong next = position + RingRecord.TotalSize(header);
                if ((header & RingRecord.DiscardBit) == 0)
                {
                    lease = new RecordLease(this, new ReadOnlySpan<byte>(data + (position & _mask) + RingRecord.HeaderSize, (int)header), next);
                    leased = true;
                    break;
                }

                discarded++;
                position = next;
            }
        }
        finally
        {
            Advance(position, 0, discarded);
            if (leased)
            {
                _leased = true; // The lease keeps the reader entered, and the memory mapped.
            }
            else
            {
                Exit();
            }
        }

        return leased;
    }

    /// <summary>Unmaps the ring, after the record or batch now being read, if any. Idempotent.</summary>
    public void Dispose()
    {
        _disposed = true; // The handle counts as open until the batch being read is over; the batch is to end before.
        _memory.Dispose();
    }

    /// <summary>
    /// Whether there is something to read, asked in the one order in which an answer of "no" makes it safe to sleep: the kernel, once it has committed a record,
    /// compares the consumer position with the record's to decide whether to notify. So: publish, full fence, look again. A record still being written
    /// counts as nothing: its commit will notify. A corrupted ring counts as something, for the next read to report.
    /// </summary>
    internal bool HasRecordsAfterPublishing()
    {
        Enter();
        try
        {
            Publish(_position);
            Interlocked.MemoryBarrier(); // A release store can be overtaken by a later load; only a full fence forbids it.
            ulong producer = Volatile.Read(ref *_memory.Producer);
            return producer != _position && (Volatile.Read(ref *(uint*)(_memory.Data + (_position & _mask & ~7ul))) & RingRecord.BusyBit) == 0;
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Ends the lease that ends at <paramref name="next"/>, unless it has ended already.</summary>
    internal void Return(ulong next)
    {
        // No lease can end where an earlier one did: positions only grow.
        if (!_leased || (long)(next - _position) <= 0)
        {
            return;
        }

        _leased = false;
        Advance(next, 1, 0);
        Exit();
    }

    /// <summary>Reads the header at <paramref name="position"/> and proves that the whole record lies in what the producer has reserved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadHeader(byte* data, ulong position, out uint header)
    {
        header = 0;
        if (position == _producer && !TryReadProducer(position))
        {
            return false;
        }

        // Read once: what is checked is what is used.
        header = Volatile.Read(ref *(uint*)(data + (position & _mask)));
        if ((int)header < 0 && !TrySpinWhileBusy(data + (position & _mask), out header))
        {
            return false;
        }

        // Pending bytes never exceed the ring, so neither does a record that lies within them, and data + 2 * DataBytes is never passed.
        if (RingRecord.TotalSize(header) > _producer - position)
        {
            ThrowTooLong(header, position);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReadProducer(ulong position)
    {
        ulong producer = Volatile.Read(ref *_memory.Producer);
        ulong pending = producer - position;
        if ((producer | position) % RingRecord.Alignment != 0)
        {
            throw new RingCorruptedException("a position is not a multiple of 8", position, producer);
        }

        if (pending > _mask + 1)
        {
            string what = (long)pending < 0 ? "the producer position ran backwards" : $"more is pending than the ring's {_mask + 1} bytes";
            throw new RingCorruptedException(what, position, producer);
        }

        _producer = producer;
        return pending != 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TrySpinWhileBusy(byte* record, out uint header)
    {
        for (int i = 0; i < BusySpins; i++)
        {
            Thread.SpinWait(BusySpinLength);
            header = Volatile.Read(ref *(uint*)record);
            if ((int)header >= 0)
            {
                return true;
            }
        }

        header = 0;
        return false;
    }

    private void ThrowTooLong(uint header, ulong position) =>
        throw new RingCorruptedException(
            $"a record of {header & RingRecord.LengthMask} bytes is longer than the {_producer - position} bytes pending", position, _producer);

    private void Advance(ulong position, int records, long discarded)
    {
        Volatile.Write(ref _position, position);
        Volatile.Write(ref _recordsRead, _recordsRead + records);
        Volatile.Write(ref _discarded, _discarded + discarded);
        Publish(position);
    }

    private void Publish(ulong position)
    {
        if (position != _published)
        {
            Volatile.Write(ref *_memory.Consumer, position);
            _published = position;
        }
    }

    /// <summary>Makes the caller the one consumer, and keeps the memory mapped until <see cref="Exit"/>.</summary>
    private void Enter()
    {
        if (Interlocked.Exchange(ref _inUse, 1) != 0)
        {
            throw new InvalidOperationException(
                "The ring reader is in use: by another thread, by the Drain whose sink is being called, or by a record lease that is not disposed of. "
                + "A ring has one consumer at a time.");
        }

        bool held = false;
        try
        {
            _memory.DangerousAddRef(ref held);
        }
        finally
        {
            if (!held)
            {
                Volatile.Write(ref _inUse, 0);
            }
        }
    }

    private void Exit()
    {
        _memory.DangerousRelease();
        Volatile.Write(ref _inUse, 0);
    }
}
