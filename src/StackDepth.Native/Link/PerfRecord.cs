using System.Buffers.Binary;

namespace StackDepth.Native.Link;

/// <summary>The types of records that <see cref="MappingEvents"/> bring, by their numbers in <c>enum perf_event_type</c>.</summary>
internal enum PerfRecordType : uint
{
    Lost = 2,
    Comm = 3,
    Exit = 4,
    Fork = 7,
    Mmap2 = 10,
}

/// <summary>A record of a perf event whose sample_id is its time. Fields that are not there read as 0: what a record says is checked, not believed.</summary>
/// <param name="bytes">The record with its header.</param>
internal readonly ref struct PerfRecord(ReadOnlySpan<byte> bytes)
{
    private const int PathAt = 72;
    private const ushort CommExecBit = 1 << 13;
    private const ushort BuildIdBit = 1 << 14;
    private const uint ProtExec = 4;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    internal PerfRecordType Type => (PerfRecordType)UInt32(0);

    /// <summary>When it was written, by <see cref="Sys.BootClock"/>: the last field of all types (sample_id_all).</summary>
    internal long Time => _bytes.Length >= PerfRing.HeaderSize + sizeof(ulong) ? (long)UInt64(_bytes.Length - sizeof(ulong)) : 0;

    /// <summary>Of all types but <see cref="PerfRecordType.Lost"/>; as the pid namespace of the reader has it.</summary>
    internal int ProcessId => (int)UInt32(8);

    /// <summary>Of <see cref="PerfRecordType.Fork"/>; the same process for a thread.</summary>
    internal int ParentId => (int)UInt32(12);

    /// <summary>Of <see cref="PerfRecordType.Exit"/>: whether it is the process's first thread.</summary>
    internal bool IsFirstThread => UInt32(16) == UInt32(8);

    /// <summary>Of <see cref="PerfRecordType.Comm"/>: an exec, before anything of the new program is mapped.</summary>
    internal bool IsExec => (Misc & CommExecBit) != 0;

    /// <summary>Of <see cref="PerfRecordType.Lost"/>: how many records found no room.</summary>
    internal long LostCount => (long)UInt64(16);

    // Of Mmap2:
    internal ulong Start => UInt64(16);

    internal ulong Length => UInt64(24);

    internal ulong FileOffset => UInt64(32);

    internal uint Major => UInt32(40);

    internal uint Minor => UInt32(44);

    internal ulong Inode => UInt64(48);

    /// <summary>Whether it is an executable mapping of a file, and makes sense.</summary>
    internal bool IsExecutableFile => IsExecutable && Inode != 0;

    /// <summary>Whether it is an executable mapping, and makes sense.</summary>
    internal bool IsExecutable =>
        _bytes.Length >= PathAt && (Misc & BuildIdBit) == 0 && (UInt32(64) & ProtExec) != 0 && ProcessId > 0 && Length > 0 && Start + Length > Start
        && Major < 1 << 12 && Minor < 1 << 20;

    /// <summary>The path, without its NUL: only bytes, it may mean another file or none.</summary>
    internal ReadOnlySpan<byte> Path
    {
        get
        {
            var path = _bytes[Math.Min(PathAt, _bytes.Length)..];
            var end = path.IndexOf((byte)0);
            return end < 0 ? path : path[..end];
        }
    }

    private ushort Misc => _bytes.Length < PerfRing.HeaderSize ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(_bytes[4..]);

    private uint UInt32(int at) => at + sizeof(uint) <= _bytes.Length ? BinaryPrimitives.ReadUInt32LittleEndian(_bytes[at..]) : 0;

    private ulong UInt64(int at) => at + sizeof(ulong) <= _bytes.Length ? BinaryPrimitives.ReadUInt64LittleEndian(_bytes[at..]) : 0;
}
