using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>Writing many entries: by one call where the kernel has it (5.6; not for all kinds of map), else one by one.</summary>
internal sealed unsafe partial class BpfMap
{
    private volatile bool _noUpdateBatch;

    /// <summary>Writes entries: keys one after another, and as many values of <see cref="ValueStride"/> bytes.</summary>
    /// <exception cref="KernelException">The kernel refuses. Entries before the refused one are written.</exception>
    internal void UpdateAll(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values)
    {
        int keySize = Spec.KeySize, valueSize = ValueStride;
        var count = keySize == 0 ? 0 : keys.Length / keySize;
        if (count * keySize != keys.Length || (long)count * valueSize != values.Length)
        {
            throw new ArgumentException($"{keys.Length} bytes of keys and {values.Length} of values are no whole entries of map '{Spec.Name}'.");
        }

        if (count > 1 && !_noUpdateBatch)
        {
            switch (UpdateBatch(keys, values, count))
            {
                case Errno.None:
                    return;
                case Errno.EINVAL or Errno.ENOTSUPP or Errno.EOPNOTSUPP:
                    _noUpdateBatch = true;
                    break;
                case var errno:
                    throw Failed(errno, "update");
            }
        }

        for (var i = 0; i < count; i++)
        {
            Update(keys.Slice(i * keySize, keySize), values.Slice(i * valueSize, valueSize));
        }
    }

    private Errno UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        using var map = Handle.Borrow();
        fixed (byte* keysPointer = keys, valuesPointer = values)
        {
            var attribute = new MapBatchAttribute
            {
                Keys = (ulong)keysPointer,
                Values = (ulong)valuesPointer,
                Count = (uint)count,
                MapFd = (uint)map.Value,
            };
            return (Errno)(-KernelCall.Bpf(_sys, BpfCommand.MapUpdateBatch, ref attribute));
        }
    }
}
