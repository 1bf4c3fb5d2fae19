using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Native.Link;
using StackDepth.Native.Spec;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>The memory and the maps that programs share.</summary>
internal sealed class Machine
{
    /// <summary>Requests for tables that find room while nobody reads them.</summary>
    internal const int RequestRecords = 1000;

    private readonly Dictionary<string, KernelMap> _maps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KernelRing> _rings = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, KernelMap> _byHandle = [];

    internal Machine(ImmutableArray<MapSpec> maps, int cpus = 1, int ringRecords = int.MaxValue)
    {
        foreach (var spec in maps)
        {
            if (spec.Type == MapType.RingBuffer)
                _rings.Add(spec.Name, new(spec, Memory) { Capacity = spec.Name == UnwindMaps.RequestsName ? RequestRecords : ringRecords });
            else
                Add(new(spec, Memory, cpus), spec.Name);
        }
    }

    internal VirtualMemory Memory { get; } = new();

    /// <summary>The eight bytes that a session's program has from an entry to its return.</summary>
    internal Region? SessionCookie { get; private set; }

    /// <summary>The ring of a query's records.</summary>
    internal KernelRing? Ring => _rings.GetValueOrDefault(MapNames.Records);

    /// <summary>How many instructions a run may take.</summary>
    internal int StepLimit { get; set; } = 100_000;

    /// <summary>How often <c>bpf_loop</c> called back, over all runs.</summary>
    internal long LoopCalls { get; set; }

    /// <summary>Sees every access to memory before it happens.</summary>
    internal Action<ProgramRun, Region, int, int>? Accessing { get; set; }

    internal KernelMap this[string name] => _maps[name];

    internal ulong Handle(string name) => _rings.TryGetValue(name, out var ring) ? ring.Handle : _maps[name].Handle;

    internal KernelMap MapByHandle(ulong handle) => _byHandle.GetValueOrDefault(handle) ?? throw new MachineException($"0x{handle:x} is no map that can be looked up");

    internal KernelRing Requests => _rings[UnwindMaps.RequestsName];

    internal KernelRing RingByHandle(ulong handle) => _rings.Values.FirstOrDefault(ring => ring.Handle == handle) ?? throw new MachineException($"0x{handle:x} is no ring buffer");

    internal KernelRing RingOf(ulong record) => _rings.Values.FirstOrDefault(ring => ring.Holds(record)) ?? throw new MachineException($"0x{record:x} is no reserved record");

    /// <summary>Puts a map into a slot of a map of maps.</summary>
    internal KernelMap AddInner(string name, int slot)
    {
        var inner = new KernelMap(_maps[name].Spec.Inner!, Memory, 1);
        _maps[name].Inner[slot] = inner;
        Add(inner, null);
        return inner;
    }

    /// <summary>Runs <paramref name="program"/> once, from its first instruction to its exit.</summary>
    internal void Run(ProgramSpec program, Hit hit)
    {
        var run = new ProgramRun(this, program, hit, hit.Process?.Registers);
        while (!run.Ended)
            run.Step();
    }

    /// <summary>Runs <paramref name="program"/> of a session at the entry, and at the return if it asks for that.</summary>
    internal void RunSession(ProgramSpec program, Hit hit)
    {
        SessionCookie ??= Memory.Add("the session's cookie", sizeof(long));
        SessionCookie.Bytes.AsSpan().Clear();
        var entry = new ProgramRun(this, program, hit with { Timestamp = unchecked(hit.Timestamp - hit.Return!.Elapsed), Return = hit.Return with { IsEntry = true } });
        while (!entry.Ended)
            entry.Step();
        switch (entry[StackDepth.Native.Asm.Register.R0])
        {
            case 0 when hit.Return.Pending < ReturnNesting.MaxPending:
                Run(program, hit);
                break;
            case 0:
                throw new MachineException("the program waits for a return that is lost");
            case 1:
                break;
            case var answer:
                throw new MachineException($"a session's program answers {answer}");
        }
    }

    private void Add(KernelMap map, string? name)
    {
        if (name is not null)
            _maps.Add(name, map);
        _byHandle.Add(map.Handle, map);
    }
}
