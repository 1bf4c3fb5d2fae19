namespace StackDepth.Native.Ring;

/// <summary>
/// One record, still in the ring. <see cref="Dispose"/> gives its space back to the producer; until then the reader can do nothing else. A lease that is
/// never disposed of keeps the ring mapped for ever. Copies are one lease: the second Dispose does nothing.
/// </summary>
internal readonly ref struct RecordLease
{
    private readonly RingReader? _reader;
    private readonly ulong _next;

    internal RecordLease(RingReader reader, ReadOnlySpan<byte> data, ulong next)
    {
        _reader = reader;
        _next = next;
        Data = data;
    }

    /// <summary>The record's data, valid until <see cref="Dispose"/>. Its first byte is 8-byte aligned.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Advances the consumer position past the record, visibly for the producer.</summary>
    public void Dispose() => _reader?.Return(_next);
}
