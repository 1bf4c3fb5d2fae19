using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Ring;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Runtime;

namespace StackDepth.Live.Tests.Generated;

/// <summary>
/// A compiled query in the kernel: accepted by its verifier, and at the functions of Targets/hits.c. The program of a query of one probe is at all of them, those of several probes are each at its own.
/// </summary>
internal sealed class KernelRun : IQueryAnswer, IDisposable
{
    private readonly KernelMaps _maps;
    private readonly List<IDisposable> _attached = [];

    internal KernelRun(CompiledQuery compiled, CompileTarget target, UprobeRequest functions)
    {
        Compiled = compiled;
        _maps = KernelMaps.Create(compiled.Maps, SystemCalls.Real);
        try
        {
            for (var program = 0; program < compiled.Programs.Length; program++)
                _attached.Add(Attach(compiled.Programs[program], compiled.Programs.Length == 1 ? functions.Offsets : [functions.Offsets[program]], program, target, functions));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public CompiledQuery Compiled { get; }

    public IEnumerable<string>? Records => field ??= Compiled.Event is { } layout ? Read(layout) : null;

    public long Unset => Compiled.CountsUnset ? _maps[MapNames.Unset].SumPerCpu<long>(0) : 0;

    internal void Follow(int pid)
    {
        var followed = _maps[MapNames.Followed];
        var value = new byte[followed.ValueStride];
        Assert.True(followed.TryLookup(new byte[sizeof(int)], value));
        var (offset, bit) = PidSet.Place(pid)!.Value;
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(offset), BinaryPrimitives.ReadUInt64LittleEndian(value.AsSpan(offset)) | bit);
        followed.Update(new byte[sizeof(int)], value);
    }

    public long Counter(HealthCounter counter) => PerCpu().Sum(results => BinaryPrimitives.ReadInt64LittleEndian(results.AsSpan(ResultLayout.Offset(counter))));

    public Dictionary<string, AggregateValue> Groups()
    {
        Dictionary<string, AggregateValue> groups = new(StringComparer.Ordinal);
        if (Compiled.Key is not { } layout)
        {
            var total = new AggregateValue(Compiled.Aggregate!);
            foreach (var results in PerCpu())
                total.Merge(results.AsSpan(ResultLayout.AggregateOffset));
            groups.Add("", total);
            return groups;
        }
        var map = _maps[MapNames.Groups];
        List<(byte[] Key, AggregateValue Value)> found = [];
        map.ReadAll((key, values) =>
        {
            var merged = new AggregateValue(Compiled.Aggregate!);
            for (var cpu = 0; cpu < map.PossibleCpus; cpu++)
                merged.Merge(map.CpuValue(values, cpu));
            found.Add((key.ToArray(), merged));
        });
        foreach (var (key, value) in found)
            groups.Add(WireText.Of(key, layout, Node), value);
        return groups;
    }

    public Dictionary<string, byte[][]> Kept()
    {
        var layout = Compiled.Kept!;
        if (layout.Key is not { } keys)
            return new() { [""] = Places(0) };
        List<(byte[] Key, int First)> found = [];
        _maps[MapNames.KeptOrder].ReadAll((key, order) => found.Add((key.ToArray(), BinaryPrimitives.ReadInt32LittleEndian(order[layout.OrderFirst..]))));
        return found.ToDictionary(key => WireText.Of(key.Key, keys, Node), key => Places(key.First), StringComparer.Ordinal);

        byte[][] Places(int first) =>
        [
            .. Enumerable.Range(first, layout.Places).Select(Place).OfType<byte[]>().Where(static place => BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Value)) != 0),
        ];

        byte[]? Place(int index)
        {
            var value = new byte[_maps[MapNames.Kept].ValueStride];
            return _maps[MapNames.Kept].TryLookup(MemoryMarshal.AsBytes([index]), value) ? value : null;
        }
    }

    public void Dispose()
    {
        foreach (var attached in _attached)
            attached.Dispose();
        _maps.Dispose();
    }

    private AttachedProbe Attach(CompiledProgram program, ImmutableArray<ulong> offsets, int first, CompileTarget target, UprobeRequest functions)
    {
        var isSession = program.Program.ExpectedAttachType == AttachType.TraceUprobeSession;
        var request = functions with
        {
            Offsets = offsets,
            Cookies = [.. offsets.Select((_, site) => (ulong)(first + site))],
            Pid = target.Scope is ProcessScope.Linked linked ? linked.ProcessId : 0,
            IsReturn = program.Ir.Probe.IsReturn && !isSession,
        };
        return isSession
            ? AttachedProbe.Load(program.Program, _maps.ByName, SystemCalls.Real, loaded => UprobeSessionLink.Attach(loaded, request, SystemCalls.Real))
            : UprobeAttacher.Attach(program.Program, _maps.ByName, request, KernelProfile.Detect(SystemCalls.Real), SystemCalls.Real);
    }

    private List<string> Read(EventLayout layout)
    {
        var map = _maps[MapNames.Records];
        using var reader = new RingReader(RingMemory.Map(map.Fd, map.Spec.MaxEntries, SystemCalls.Real));
        var sink = new Sink([]);
        reader.Drain(ref sink);
        return [.. sink.Records.Select(record => WireText.Of(record, layout, Node))];
    }

    private byte[] Node(long number) => Lookup(MapNames.StackNodes, (int)number);

    private byte[] Lookup(string name, int index)
    {
        var value = new byte[_maps[name].ValueStride];
        Assert.True(_maps[name].TryLookup(MemoryMarshal.AsBytes([index]), value));
        return value;
    }

    private IEnumerable<byte[]> PerCpu()
    {
        var results = _maps[MapNames.Results];
        var values = Lookup(MapNames.Results, 0);
        return Enumerable.Range(0, results.PossibleCpus).Select(cpu => results.CpuValue(values, cpu).ToArray());
    }

    private readonly struct Sink(List<byte[]> records) : IRecordSink
    {
        internal List<byte[]> Records => records;

        public void OnRecord(ReadOnlySpan<byte> record) => records.Add(record.ToArray());
    }
}
