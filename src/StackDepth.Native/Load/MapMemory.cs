using System.Runtime.InteropServices;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>
/// The values of an array that was made <see cref="MapFlags.MemoryMappable"/> (5.5), mapped for reading: one look costs a load, where a system call would copy a whole value.
/// Keeps the map alive by itself.
/// </summary>
internal sealed unsafe class MapMemory : SafeHandle
{
    private const int ProtRead = 1;
    private const int MapShared = 1;

    private readonly SystemCalls _sys;
    private readonly int _bytes;

    private MapMemory(SystemCalls sys, int bytes)
        : base(0, ownsHandle: true) => (_sys, _bytes) = (sys, bytes);

    public override bool IsInvalid => handle == 0;

    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static MapMemory Of(BpfMap map, SystemCalls sys)
    {
        if (map.Spec is not { Type: MapType.Array } spec || (spec.Flags & MapFlags.MemoryMappable) == 0)
        {
            throw new ArgumentException($"Map '{map.Spec.Name}' is no array that can be mapped.", nameof(map));
        }

        // Values lie 8 bytes aligned (array_map_alloc).
        var memory = new MapMemory(sys, checked(((spec.ValueSize + 7) & ~7) * spec.MaxEntries));
        using var borrowed = map.Handle.Borrow();
        var address = sys.MMap((nuint)memory._bytes, ProtRead, MapShared, borrowed.Value, 0);
        if (address <= 0)
        {
            memory.Dispose();
            throw KernelErrors.Create(KernelOperation.MapAccess with { Name = "map a BPF map into memory", LeastKernel = new(5, 5) }, (Errno)(-address), $"map '{spec.Name}'", sys);
        }

        memory.SetHandle((nint)address);
        return memory;
    }

    /// <summary>The 8 bytes at an offset, as they are now.</summary>
    /// <exception cref="ObjectDisposedException">It is unmapped.</exception>
    internal ulong ReadUInt64(int offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _bytes - sizeof(ulong));
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            return Volatile.Read(ref *(ulong*)(handle + offset));
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle() => _sys.MUnmap(handle, (nuint)_bytes) >= 0;
}
