namespace StackDepth.Native.Ring;

/// <summary>Takes the records of a ring. Implemented by structs, so that the call per record is direct.</summary>
internal interface IRecordSink
{
    /// <summary>Takes one record.</summary>
    /// <param name="record">The record's data, in the ring itself: valid only during the call. Its first byte is 8-byte aligned.</param>
    void OnRecord(ReadOnlySpan<byte> record);
}
