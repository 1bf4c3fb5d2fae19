using System.Buffers.Binary;
using StackDepth.Native.Ring;

namespace StackDepth.Native.Tests.Ring;

/// <summary>Copies the records.</summary>
internal readonly struct CollectingSink() : IRecordSink
{
    internal List<byte[]> Records { get; } = [];

    public void OnRecord(ReadOnlySpan<byte> record) => Records.Add(record.ToArray());
}

/// <summary>Touches every byte, and remembers sums only.</summary>
internal struct SummingSink : IRecordSink
{
    internal long Records;
    internal long Bytes;
    internal int Sum;

    public void OnRecord(ReadOnlySpan<byte> record)
    {
        Records++;
        Bytes += record.Length;
        foreach (byte b in record)
        {
            Sum += b;
        }
    }
}

/// <summary>
/// Expects records that begin with a sequence number and hold its complement behind it: counts them, gaps in the sequence (lost records), steps back in it
/// and records whose contents are not what was written.
/// </summary>
internal struct SequenceSink : IRecordSink
{
    internal ulong Next;
    internal long Records;
    internal long Missing;
    internal long OutOfOrder;
    internal long Damaged;

    public void OnRecord(ReadOnlySpan<byte> record)
    {
        ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(record);
        Records++;
        if (BinaryPrimitives.ReadUInt64LittleEndian(record[8..]) != ~sequence)
        {
            Damaged++;
        }

        if (sequence < Next)
        {
            OutOfOrder++;
            return;
        }

        Missing += (long)(sequence - Next);
        Next = sequence + 1;
    }
}
