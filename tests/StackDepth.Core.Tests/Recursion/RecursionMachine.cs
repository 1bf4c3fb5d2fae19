using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Compile.Lowering.Activations;
using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Core.Tests.Walks;
using StackDepth.Ir;
using StackDepth.Native.Spec;

namespace StackDepth.Core.Tests.Recursion;

/// <summary>What a hit answered.</summary>
internal readonly record struct Counted(long Count, Completeness Completeness, StackReason Reason);

/// <summary>The real bytecode that counts activations, on an interpreted machine of two CPUs.</summary>
internal sealed class RecursionMachine
{
    internal const int Cpus = 2;
    private const int AllSlots = 15;

    private static readonly CompiledQuery _compiled = ProbeCompiler.Compile(
        Probe.UProbe("bin", "f").Select(static s => (s.Recursion, s.RecursionCompleteness, s.RecursionReason)).Query,
        GoldenQueries.Target with { Scope = new ProcessScope.All(), Walk = StackWalk.Auto, Fields = GoldenQueries.Fields });

    private static readonly ProgramSpec _cleanup = ActivationCleanup.Build(manySites: false);

    /// <param name="code">The file that is probed.</param>
    /// <param name="isWhole">Whether it is known which code is the probed function's.</param>
    /// <param name="records">How many threads can be remembered.</param>
    /// <param name="chunks">How many chunks of entries there can be.</param>
    internal RecursionMachine(RecursiveCode code, bool isWhole, int records, int chunks)
    {
        Run = new(_compiled with { Maps = [.. _compiled.Maps.Select(Limited)] }, Cpus);
        Run.Machine.StepLimit = 5_000_000;
        var tables = new TableWriter(Run.Machine);
        tables.Restart(0);
        tables.Add(code.File);
        var function = Run.Machine[MapNames.FunctionCode].First().Bytes;
        BinaryPrimitives.WriteInt64LittleEndian(function.AsSpan(ActivationLayout.Code.Size), RecursiveCode.ProbedSize);
        BinaryPrimitives.WriteInt64LittleEndian(function.AsSpan(ActivationLayout.Code.ColdDistance), RecursiveCode.ColdOffset - RecursiveCode.ProbedOffset);
        BinaryPrimitives.WriteInt64LittleEndian(function.AsSpan(ActivationLayout.Code.ColdSize), isWhole ? RecursiveCode.ColdSize : 0);
        BinaryPrimitives.WriteInt64LittleEndian(function.AsSpan(ActivationLayout.Code.IsWhole), isWhole ? 1 : 0);

        MapSpec Limited(MapSpec map) => map.Name switch
        {
            MapNames.Activations => map with { MaxEntries = records },
            MapNames.ActivationChunks => map with { MaxEntries = chunks },
            _ => map,
        };
    }

    internal CompiledRun Run { get; }

    /// <summary>When the probes were in place.</summary>
    internal ulong Attached { set => BinaryPrimitives.WriteUInt64LittleEndian(Run.Machine[MapNames.Attached].First().Bytes, value); }

    /// <summary>What the bytecode answers to a hit; nothing where it could not do its work.</summary>
    internal Counted? Hit(SimulatedProcess process, int thread, int cpu, bool isBusy)
    {
        var before = Run.Machine.Ring!.Records.Count;
        var busy = Run.Machine[MapNames.Scratch].First(cpu).Bytes.AsSpan(0, sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(busy, isBusy ? AllSlots : 0);
        Run.Run(new Hit { Pid = process.ProcessId, Tid = thread, Cpu = cpu, Process = process });
        Assert.Equal(isBusy ? AllSlots : 0, BinaryPrimitives.ReadInt64LittleEndian(busy));
        busy.Clear();
        Run.AssertAtRest();
        if (Run.Machine.Ring.Records.Count == before)
            return null;
        var record = Run.Machine.Ring.Records[^1].Bytes;
        return new(
            BinaryPrimitives.ReadInt64LittleEndian(record), (Completeness)BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8)), (StackReason)BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(16)));
    }

    /// <summary>A thread exits, and what is kept of it is given back.</summary>
    internal void Exit(SimulatedProcess process, int thread) => Run.Machine.Run(_cleanup, new() { Pid = process.ProcessId, Tid = thread, Process = process });
}
