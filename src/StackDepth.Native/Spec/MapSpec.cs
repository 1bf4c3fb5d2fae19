namespace StackDepth.Native.Spec;

/// <summary>The kinds of map that StackDepth creates, with the numbers of the kernel's <c>enum bpf_map_type</c>.</summary>
internal enum MapType : uint
{
    Hash = 1,
    Array = 2,
    PerCpuHash = 5,
    PerCpuArray = 6,
    CgroupArray = 8,
    LruHash = 9,
    LruPerCpuHash = 10,
    ArrayOfMaps = 12,
    RingBuffer = 27,

    /// <summary>A value for each thread, in memory that goes with it. The key is 4 bytes, no number of entries is given (0), and it is not preallocated.</summary>
    TaskStorage = 29,
}

/// <summary>Flags of map creation (<c>BPF_F_*</c>).</summary>
[Flags]
internal enum MapFlags : uint
{
    None = 0,
    NoPreallocation = 1,
    MemoryMappable = 1 << 10,
}

/// <summary>
/// An inert description of a BPF map. Programs refer to maps by <see cref="Name"/>, which is symbolic until load. For a ring buffer, key and value
/// sizes are 0 and <see cref="MaxEntries"/> is the number of bytes of its data area (a power of two, a multiple of the page size). A map of maps has keys and
/// values of 4 bytes, and says by <paramref name="Inner"/> what the maps in its slots are like.
/// </summary>
internal sealed record MapSpec(
    string Name, MapType Type, int KeySize, int ValueSize, int MaxEntries, MapFlags Flags = MapFlags.None, MapSpec? Inner = null);
