using System.Buffers.Binary;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>Sees one entry of a map; the spans are valid during the call only. For per-CPU kinds the value has all CPUs (<see cref="BpfMap.CpuValue"/>).</summary>
internal delegate void MapEntryVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

/// <summary>Reading whole maps: by batches where the kernel has them (5.6; per-CPU arrays 5.13), else key by key.</summary>
internal sealed unsafe partial class BpfMap
{
    private const int BatchBytes = 256 * 1024;

    private volatile bool _noBatch;

    /// <summary>
    /// Visits every entry. Entries that come or go meanwhile may be seen or not, but no entry is seen twice and it always ends.
    /// </summary>
    /// <returns>False where so much changed meanwhile that entries which stayed may have been missed.</returns>
    internal bool ReadAll(MapEntryVisitor visit)
    {
        if (!_noBatch && ReadByBatch(visit))
        {
            return true;
        }

        _noBatch = true;
        return IsArray ? ReadByIndex(visit) : ReadByKey(visit);
    }

    // False: the kernel has no batches for this kind of map, and nothing was visited.
    private bool ReadByBatch(MapEntryVisitor visit)
    {
        int keySize = Spec.KeySize, valueSize = ValueStride;

        // A batch is whole hash buckets: one that does not fit is ENOSPC, and the room is doubled. No bucket has more than all entries.
        var most = Spec.MaxEntries + (long)PossibleCpus;
        var room = (int)Math.Min(most, Math.Max(16, BatchBytes / (keySize + valueSize)));
        var keys = new byte[room * keySize];
        var values = new byte[checked(room * valueSize)];

        // The position is opaque; hash kinds use 4 bytes, the generic code a key.
        byte[] position = new byte[Math.Max(keySize, 8)], next = new byte[position.Length];
        var visited = false;
        for (var first = true; ;)
        {
            var errno = Batch(first ? null : position, next, keys, values, room, out var count);
            switch (errno)
            {
                case Errno.None or Errno.ENOENT:
                    break;
                case Errno.ENOSPC when room < most:
                    room = (int)Math.Min(room * 2L, most);
                    keys = new byte[room * keySize];
                    values = new byte[checked(room * valueSize)];
                    continue;
                case Errno.EINVAL or Errno.ENOTSUPP or Errno.EOPNOTSUPP when !visited:
                    return false;
                default:
                    throw KernelErrors.Create(KernelOperation.MapReadAll, errno, Describe(Spec), _sys);
            }

            for (var i = 0; i < count; i++)
            {
                visit(keys.AsSpan(i * keySize, keySize), values.AsSpan(i * valueSize, valueSize));
            }

            visited = true;
            if (errno == Errno.ENOENT)
            {
                return true;
            }

            first = false;
            (position, next) = (next, position);
        }
    }

    private Errno Batch(byte[]? from, byte[] to, byte[] keys, byte[] values, int room, out int count)
    {
        using var map = Handle.Borrow();
        fixed (byte* fromPointer = from, toPointer = to, keysPointer = keys, valuesPointer = values)
        {
            var attribute = new MapBatchAttribute
            {
                InBatch = (ulong)fromPointer,
                OutBatch = (ulong)toPointer,
                Keys = (ulong)keysPointer,
                Values = (ulong)valuesPointer,
                Count = (uint)room,
                MapFd = (uint)map.Value,
            };
            var errno = (Errno)(-KernelCall.Bpf(_sys, BpfCommand.MapLookupBatch, ref attribute));
            count = (int)Math.Min(attribute.Count, (uint)room);
            return errno;
        }
    }

    private bool ReadByIndex(MapEntryVisitor visit)
    {
        var key = new byte[4];
        var value = new byte[ValueStride];
        for (var index = 0; index < Spec.MaxEntries; index++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(key, index);
            if (TryLookup(key, value))
            {
                visit(key, value);
            }
        }

        return true;
    }

    private bool ReadByKey(MapEntryVisitor visit)
    {
        // When the key to continue from was deleted, the kernel starts over at the first bucket: keys are remembered so that none is visited twice, and
        // the steps are bounded so that steady deletion cannot keep the walk going.
        var seen = new HashSet<byte[]>(ByteKeyComparer.Instance);
        var key = new byte[Spec.KeySize];
        var value = new byte[ValueStride];
        var first = true;
        for (var steps = 4L * Spec.MaxEntries + 64; steps > 0; steps--)
        {
            var next = new byte[Spec.KeySize];
            switch (NextKey(first ? null : key, next))
            {
                case Errno.None:
                    break;
                case Errno.ENOENT:
                    return true;
                case var errno:
                    throw KernelErrors.Create(KernelOperation.MapReadAll, errno, Describe(Spec), _sys);
            }

            first = false;
            key = next;
            if (seen.Add(key) && TryLookup(key, value))
            {
                visit(key, value);
            }
        }

        return false;
    }

    private Errno NextKey(byte[]? key, byte[] next)
    {
        using var map = Handle.Borrow();
        fixed (byte* keyPointer = key, nextPointer = next)
        {
            var attribute = new MapElementAttribute { MapFd = (uint)map.Value, Key = (ulong)keyPointer, ValueOrNextKey = (ulong)nextPointer };
            return (Errno)(-KernelCall.Bpf(_sys, BpfCommand.MapGetNextKey, ref attribute));
        }
    }
}
