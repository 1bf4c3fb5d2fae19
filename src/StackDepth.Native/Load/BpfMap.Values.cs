using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StackDepth.Native.Load;

/// <summary>Typed reads and writes.</summary>
internal sealed unsafe partial class BpfMap
{
    /// <summary>The value at an index of an array.</summary>
    internal T Read<T>(uint index)
        where T : unmanaged
    {
        CheckType<T>(perCpu: false);
        T value = default;
        return TryLookup(Key(ref index), Bytes(ref value)) ? value : throw OutOfRange(index);
    }

    internal ulong ReadUInt64(uint index) => Read<ulong>(index);

    /// <summary>Writes the value at an index of an array.</summary>
    internal void Write<T>(uint index, T value)
        where T : unmanaged
    {
        CheckType<T>(perCpu: false);
        Update(Key(ref index), Bytes(ref value));
    }

    /// <summary>The values of all possible CPUs at an index of a per-CPU array, in the kernel's order of CPUs.</summary>
    internal T[] ReadPerCpu<T>(uint index)
        where T : unmanaged
    {
        var values = new T[PossibleCpus];
        ReadPerCpu(index, values.AsSpan());
        return values;
    }

    /// <summary>As the overload that allocates; <paramref name="values"/> has room for <see cref="PossibleCpus"/> values.</summary>
    internal void ReadPerCpu<T>(uint index, Span<T> values)
        where T : unmanaged
    {
        CheckType<T>(perCpu: true);
        var raw = new byte[ValueStride];
        if (!TryLookup(Key(ref index), raw))
        {
            throw OutOfRange(index);
        }

        for (var cpu = 0; cpu < PossibleCpus; cpu++)
        {
            values[cpu] = MemoryMarshal.Read<T>(CpuValue(raw, cpu));
        }
    }

    /// <summary>The sum over all CPUs at an index of a per-CPU array: each CPU's value is read whole, but not all at one moment.</summary>
    internal T SumPerCpu<T>(uint index)
        where T : unmanaged, INumber<T>
    {
        var sum = T.Zero;
        foreach (var value in ReadPerCpu<T>(index))
        {
            sum += value;
        }

        return sum;
    }

    /// <summary>One CPU's value out of a value as system calls give it (<see cref="ValueStride"/> bytes).</summary>
    internal ReadOnlySpan<byte> CpuValue(ReadOnlySpan<byte> value, int cpu) => value.Slice(cpu * CpuStride, Spec.ValueSize);

    private static Span<byte> Bytes<T>(ref T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value));

    private static Span<byte> Key(ref uint index) => Bytes(ref index);

    private ArgumentOutOfRangeException OutOfRange(uint index) =>
        new(nameof(index), $"Map '{Spec.Name}' has {Spec.MaxEntries} entries; there is none at {index}.");

    private void CheckType<T>(bool perCpu)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != Spec.ValueSize || IsPerCpu != perCpu || !IsArray)
        {
            throw new InvalidOperationException(
                $"Map '{Spec.Name}' ({Spec.Type}) has values of {Spec.ValueSize} bytes, not {Unsafe.SizeOf<T>()}, or is no {(perCpu ? "per-CPU" : "plain")} array.");
        }
    }
}
