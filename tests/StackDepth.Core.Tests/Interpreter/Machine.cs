using System.Collections.Immutable;
using StackDepth.Native.Spec;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>What is true of the thread that hits a probe.</summary>
internal sealed record Hit
{
    internal int Cpu { get; init; }

    internal int Pid { get; init; } = 1000;

    internal int Tid { get; init; } = 1000;

    /// <summary>The 16 bytes of comm, padded with zeroes as the kernel does.</summary>
    internal byte[] Comm { get; init; } = new byte[16];

    internal ulong Cookie { get; init; }

    internal long Timestamp { get; init; }

    /// <summary>What <c>bpf_get_stack</c> answers: bytes, or a negated errno.</summary>
    internal long UserStack { get; init; } = 8;

    /// <summary>What <c>bpf_get_task_stack</c> answers.</summary>
    internal long KernelStack { get; init; } = 8;
}

/// <summary>The memory and the maps that programs share.</summary>
internal sealed class Machine
{
    private readonly Dictionary<string, KernelMap> _maps = new(StringComparer.Ordinal);

    internal Machine(ImmutableArray<MapSpec> maps, int cpus = 1, int ringRecords = int.MaxValue)
    {
        foreach (var spec in maps)
        {
            if (spec.Type == MapType.RingBuffer)
                Ring = new(spec, Memory) { Capacity = ringRecords };
            else
                _maps.Add(spec.Name, new(spec, Memory, cpus));
        }
    }

    internal VirtualMemory Memory { get; } = new();

    internal KernelRing? Ring { get; }

    /// <summary>Sees every access to memory before it happens.</summary>
    internal Action<ProgramRun, Region, int, int>? Accessing { get; set; }

    internal KernelMap this[string name] => _maps[name];

    internal ulong Handle(string name) => name == Ring?.Spec.Name ? Ring.Handle : _maps[name].Handle;

    internal KernelMap MapByHandle(ulong handle) =>
        _maps.Values.FirstOrDefault(map => map.Handle == handle) ?? throw new MachineException($"0x{handle:x} is no map that can be looked up");

    /// <summary>Runs <paramref name="program"/> once, from its first instruction to its exit.</summary>
    internal void Run(ProgramSpec program, Hit hit)
    {
        var run = new ProgramRun(this, program, hit);
        while (!run.Ended)
            run.Step();
    }
}
