using System.Numerics;
using StackDepth.Native.Features;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>Flags of a map update (<c>BPF_ANY</c>, <c>BPF_NOEXIST</c>, <c>BPF_EXIST</c>).</summary>
internal enum MapUpdateFlags : ulong
{
    Any = 0,
    NoExist = 1,
    Exist = 2,
}

/// <summary>
/// A BPF map in the kernel, alive as long as this object or a loaded program holds it. All members may be called from any thread, also beside
/// <see cref="Dispose"/>: they then throw <see cref="ObjectDisposedException"/>.
/// </summary>
internal sealed unsafe partial class BpfMap : IDisposable
{
    private readonly SystemCalls _sys;

    private BpfMap(MapSpec spec, FileDescriptor handle, int possibleCpus, SystemCalls sys)
    {
        Spec = spec;
        Handle = handle;
        PossibleCpus = possibleCpus;
        _sys = sys;
    }

    internal MapSpec Spec { get; }

    internal FileDescriptor Handle { get; }

    /// <summary>The descriptor's number, valid while nobody disposes the map.</summary>
    internal int Fd => Handle.Value;

    /// <summary>How many values a per-CPU entry has.</summary>
    internal int PossibleCpus { get; }

    internal bool IsPerCpu => Spec.Type is MapType.PerCpuArray or MapType.PerCpuHash or MapType.LruPerCpuHash;

    internal bool IsArray => Spec.Type is MapType.Array or MapType.PerCpuArray;

    /// <summary>The distance of two CPUs' values in a per-CPU entry, in bytes: the kernel rounds the value's size up to 8.</summary>
    internal int CpuStride => (Spec.ValueSize + 7) & ~7;

    /// <summary>The size of an entry's value in system calls, in bytes: for per-CPU kinds that of all possible CPUs.</summary>
    internal int ValueStride => IsPerCpu ? checked(CpuStride * PossibleCpus) : Spec.ValueSize;

    /// <summary>The kernel memory that the map takes, in bytes, as the kernel accounts it; 0 where it does not say.</summary>
    internal long MemoryBytes
    {
        get
        {
            using var map = Handle.Borrow();
            var text = _sys.ReadText($"/proc/self/fdinfo/{map.Value}");
            return text is not null && long.TryParse(ProcText.Field(text, "memlock"), out var bytes) ? bytes : 0;
        }
    }

    /// <summary>Creates the map that a spec describes.</summary>
    /// <exception cref="KernelException">The kernel refuses; the message says why.</exception>
    /// <exception cref="ArgumentException">The spec's sizes make no map of its kind.</exception>
    internal static BpfMap Create(MapSpec spec, SystemCalls sys) => Create(spec, CpuTopology.PossibleCpus(sys), sys);

    private static BpfMap Create(MapSpec spec, int cpus, SystemCalls sys)
    {
        Validate(spec);

        // The kernel takes from a template what the inner maps are like, and does not keep it.
        using var template = spec.Inner is { } inner ? Create(inner, cpus, sys) : null;
        using var borrowed = template is null ? default : template.Handle.Borrow();
        var attribute = new MapCreateAttribute
        {
            MapType = (uint)spec.Type,
            KeySize = (uint)spec.KeySize,
            ValueSize = (uint)spec.ValueSize,
            MaxEntries = (uint)spec.MaxEntries,
            MapFlags = (uint)spec.Flags,
            InnerMapFd = template is null ? 0 : (uint)borrowed.Value,
        };
        using var types = spec.Type == MapType.TaskStorage ? MapTypes.Describe(spec, sys) : null;
        using var borrowedTypes = types is null ? default : types.Btf.Borrow();
        if (types is not null)
            (attribute.BtfFd, attribute.BtfKeyTypeId, attribute.BtfValueTypeId) = ((uint)borrowedTypes.Value, types.Key, types.Value);
        KernelName.Write(attribute.MapName, spec.Name);
        var handle = KernelCall.BpfDescriptor(sys, BpfCommand.MapCreate, ref attribute, out var errno);
        return handle is not null
            ? new BpfMap(spec, handle, cpus, sys)
            : throw KernelErrors.Create(
                spec.Type == MapType.RingBuffer ? KernelOperation.RingBufferCreate : KernelOperation.MapCreate, errno, Describe(spec), sys);
    }

    /// <summary>Copies the value of a key: <see cref="ValueStride"/> bytes. False where the map has no such key.</summary>
    /// <exception cref="KernelException">Any other answer of the kernel's.</exception>
    internal bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckValue(value.Length);
        return Element(BpfCommand.MapLookupElem, key, value, 0) switch
        {
            Errno.None => true,
            Errno.ENOENT => false,
            var errno => throw Failed(errno, "look up in"),
        };
    }

    /// <summary>Writes the value of a key: <see cref="ValueStride"/> bytes.</summary>
    /// <exception cref="KernelException">E2BIG: the map is full. EEXIST and ENOENT: the flags ask for another state. Or any other answer.</exception>
    internal void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, MapUpdateFlags flags = MapUpdateFlags.Any)
    {
        CheckValue(value.Length);
        if (Element(BpfCommand.MapUpdateElem, key, value, (ulong)flags) is not Errno.None and var errno)
        {
            throw Failed(errno, "update");
        }
    }

    /// <summary>Removes a key of a hash kind. False where the map has no such key.</summary>
    internal bool Delete(ReadOnlySpan<byte> key) => Element(BpfCommand.MapDeleteElem, key, default, 0) switch
    {
        Errno.None => true,
        Errno.ENOENT => false,
        var errno => throw Failed(errno, "delete from"),
    };

    public void Dispose() => Handle.Dispose();

    private Errno Element(BpfCommand command, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags)
    {
        if (key.Length != Spec.KeySize)
        {
            throw new ArgumentException($"A key of map '{Spec.Name}' has {Spec.KeySize} bytes, not {key.Length}.", nameof(key));
        }

        using var map = Handle.Borrow();
        fixed (byte* keyPointer = key, valuePointer = value)
        {
            var attribute = new MapElementAttribute
            {
                MapFd = (uint)map.Value,
                Key = (ulong)keyPointer,
                ValueOrNextKey = (ulong)valuePointer,
                Flags = flags,
            };
            return (Errno)(-KernelCall.Bpf(_sys, command, ref attribute));
        }
    }

    private void CheckValue(int length)
    {
        // The kernel writes and reads that many bytes whatever the caller's buffer has.
        if (length != ValueStride)
        {
            throw new ArgumentException($"A value of map '{Spec.Name}' has {ValueStride} bytes in system calls, not {length}.");
        }
    }

    private KernelException Failed(Errno errno, string verb) =>
        KernelErrors.Create(KernelOperation.MapAccess with { Name = $"{verb} a BPF map" }, errno, Describe(Spec), _sys);

    private static string Describe(MapSpec spec) =>
        $"map '{spec.Name}' ({spec.Type}, key {spec.KeySize} bytes, value {spec.ValueSize} bytes, {spec.MaxEntries} {(spec.Type == MapType.RingBuffer ? "bytes of data" : "entries")})";

    private static void Validate(MapSpec spec)
    {
        var ok = (spec.MaxEntries > 0) != (spec.Type == MapType.TaskStorage) && (spec.Inner is null || spec.Type == MapType.ArrayOfMaps) && spec.Type switch
        {
            MapType.RingBuffer => spec is { KeySize: 0, ValueSize: 0 } && BitOperations.IsPow2(spec.MaxEntries) && spec.MaxEntries >= Environment.SystemPageSize,
            MapType.Array or MapType.PerCpuArray => spec is { KeySize: 4, ValueSize: > 0 },
            MapType.TaskStorage => spec is { KeySize: 4, ValueSize: > 0, MaxEntries: 0, Flags: MapFlags.NoPreallocation } && spec.ValueSize % sizeof(long) == 0,

            // The values are descriptors of the folders.
            MapType.CgroupArray => spec is { KeySize: 4, ValueSize: 4 },

            // The kernel nests no deeper; a ring in a slot would need a reader of its own.
            MapType.ArrayOfMaps => spec is { KeySize: 4, ValueSize: 4, Inner.Type: not (MapType.ArrayOfMaps or MapType.RingBuffer) },
            _ => spec is { KeySize: > 0, ValueSize: > 0 },
        };
        if (!ok)
        {
            throw new ArgumentException($"The sizes do not make a map of its kind: {Describe(spec)}.{(spec.Type == MapType.RingBuffer ? " A ring buffer's is a power of two, of whole pages." : "")}", nameof(spec));
        }
    }
}
