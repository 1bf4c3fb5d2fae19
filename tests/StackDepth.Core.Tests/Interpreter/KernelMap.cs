using System.Buffers.Binary;
using StackDepth.Native.Spec;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>A map of one of the kinds that StackDepth uses, over all CPUs of a machine.</summary>
internal sealed class KernelMap
{
    private const int NoExist = 1;

    private readonly VirtualMemory _memory;
    private readonly int _copies;
    private readonly Dictionary<string, Region[]> _values = new(StringComparer.Ordinal);

    internal KernelMap(MapSpec spec, VirtualMemory memory, int cpus)
    {
        Spec = spec;
        _memory = memory;
        _copies = spec.Type is MapType.PerCpuArray or MapType.PerCpuHash ? cpus : 1;
        Handle = memory.Add($"the handle of {spec.Name}", 0).Address;
    }

    internal MapSpec Spec { get; }

    /// <summary>The maps in the slots of a map of maps.</summary>
    internal Dictionary<int, KernelMap> Inner { get; } = [];

    /// <summary>What a 64-bit immediate load of the map gives.</summary>
    internal ulong Handle { get; }

    /// <summary>The values by key; one region per CPU, or one for all.</summary>
    internal IEnumerable<(byte[] Key, Region[] Values)> Entries => _values.Select(static entry => (Convert.FromHexString(entry.Key), entry.Value));

    /// <summary>The value of the first element.</summary>
    internal Region First(int cpu = 0) => Lookup(new byte[Spec.KeySize], cpu)!;

    internal Region? Lookup(ReadOnlySpan<byte> key, int cpu)
    {
        var name = Convert.ToHexString(key);
        if (_values.TryGetValue(name, out var values))
            return values[cpu % _copies];
        // All elements of an array are there from the start; room for one is made when somebody looks.
        if (Spec.Type is not (MapType.Array or MapType.PerCpuArray) || BinaryPrimitives.ReadUInt32LittleEndian(key) >= (uint)Spec.MaxEntries)
            return null;
        values = _values[name] = Create();
        return values[cpu % _copies];
    }

    /// <summary>Whether there is no room for a new key. The storage of tasks has as much as there is memory, of which a test can say how much.</summary>
    internal bool IsFull => _values.Count >= (Spec.Type == MapType.TaskStorage ? MostTasks : Spec.MaxEntries);

    internal int MostTasks { get; set; } = int.MaxValue;

    internal Region? Lookup(uint key) => Lookup(BitConverter.GetBytes(key), 0);

    /// <summary>What the helper answers: the value's address, or in a map of maps the map's.</summary>
    internal ulong Find(ReadOnlySpan<byte> key, int cpu) => Spec.Type == MapType.ArrayOfMaps
        ? Inner.TryGetValue(BinaryPrimitives.ReadInt32LittleEndian(key), out var inner) ? inner.Handle : 0
        : Lookup(key, cpu)?.Address ?? 0;

    /// <summary>Deletes all elements of a hash.</summary>
    internal void Clear()
    {
        foreach (var region in _values.Values.SelectMany(static values => values))
            region.Gone = true;
        _values.Clear();
    }

    internal int Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long flags, int cpu)
    {
        var name = Convert.ToHexString(key);
        if (_values.TryGetValue(name, out var values))
        {
            if (flags == NoExist)
                return -17; // EEXIST
        }
        else
        {
            if (IsFull)
                return -7; // E2BIG
            values = _values[name] = Create();
        }
        value.CopyTo(values[cpu % _copies].Bytes);
        return 0;
    }

    internal int Delete(ReadOnlySpan<byte> key)
    {
        if (!_values.Remove(Convert.ToHexString(key), out var values))
            return -2; // ENOENT
        foreach (var region in values)
            region.Gone = true;
        return 0;
    }

    private Region[] Create() => [.. Enumerable.Range(0, _copies).Select(_ => _memory.Add($"a value of {Spec.Name}", Spec.ValueSize))];
}

/// <summary>A ring buffer that nobody reads meanwhile.</summary>
internal sealed class KernelRing(MapSpec spec, VirtualMemory memory)
{
    private const int HeaderBytes = 8;
    private readonly List<Region> _reserved = [];
    private readonly List<(byte[] Bytes, long Flags)> _records = [];

    internal MapSpec Spec { get; } = spec;

    internal ulong Handle { get; } = memory.Add($"the handle of {spec.Name}", 0).Address;

    /// <summary>How many records fit.</summary>
    internal int Capacity { get; init; } = int.MaxValue;

    internal IReadOnlyList<(byte[] Bytes, long Flags)> Records => _records;

    internal long Position { get; private set; }

    /// <summary>Records that were reserved and never submitted: the kernel would show nothing after them.</summary>
    internal int Open => _reserved.Count;

    internal bool Holds(ulong address) => _reserved.Exists(record => record.Address == address);

    internal ulong Reserve(int size)
    {
        if (_reserved.Count + _records.Count >= Capacity)
            return 0;
        var record = memory.Add("a record", size, written: false);
        Position += HeaderBytes + ((size + 7) & ~7);
        _reserved.Add(record);
        return record.Address;
    }

    internal void Submit(ulong address, long flags)
    {
        var record = _reserved.Find(r => r.Address == address) ?? throw new MachineException($"0x{address:x} is no reserved record");
        if (record.FirstUnwritten(0, record.Bytes.Length) is { } unwritten)
            throw new MachineException($"a record goes out with byte {unwritten} unwritten");
        record.Gone = true;
        _reserved.Remove(record);
        _records.Add((record.Bytes, flags));
    }
}
