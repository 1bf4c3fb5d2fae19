using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>A compiled query for people.</summary>
internal static class PlanText
{
    /// <param name="compiled">The query.</param>
    /// <param name="probes">Where its probes are.</param>
    /// <param name="verify">The options to load its programs with, for the verifier's log; null for no log.</param>
    internal static ProbePlan Describe(CompiledQuery compiled, ImmutableArray<PlannedProbe> probes, AttachOptions? verify)
    {
        var programs = ImmutableArray.CreateRange(compiled.Programs, Describe);
        var targets = compiled.NeedsTables ? probes.Select(static probe => probe.Place.Target).OfType<ProbeTarget>().DistinctBy(static target => target.Path).ToArray() : [];
        return new()
        {
            Programs = programs,
            Ir = Join(programs, static program => program.Ir),
            Disassembly = Join(programs, static program => program.Disassembly),
            Bytecode = programs[0].Bytecode,
            Sites = ProbeAttachment.Describe(compiled, probes, target => compiled.NeedsTables && target is not null ? WalkChoices.EntryOf(target.AttachPath) : null),
            Files = [.. targets.SelectMany(target => WalkChoices.Files(target, probes.First(probe => probe.Place.Target == target).Resolve)).DistinctBy(static file => file.Path)],
            Walks = [.. compiled.Programs.SelectMany(static program => program.Ir.Statements).OfType<Capture>().Where(static capture => capture.Stack.Kind is StackKind.User or StackKind.Kernel)
                .Select(static capture => new PlannedWalk(capture.Stack.Kind == StackKind.Kernel, capture.Walk, capture.MaxFrames)).Distinct()],
            TargetNote = ProbeAttachment.Note(probes),
            VerifierLog = verify is null ? null : Verify(compiled, probes, verify),
        };
    }

    private static PlannedProgram Describe(CompiledProgram program) => new(
        program.Ir.Probe.ToString()!, IrPrinter.Print(program.Ir), Disassembler.Format(program.Program.Instructions, program.Program.Functions), InstructionEncoder.Encode(program.Program.Instructions.AsSpan()));

    private static string Join(ImmutableArray<PlannedProgram> programs, Func<PlannedProgram, string> text) =>
        programs is [var single] ? text(single) : string.Join('\n', programs.Select(program => $"program of {InstructionText.Escape(program.Probe)}\n{text(program)}"));

    private static string Verify(CompiledQuery compiled, ImmutableArray<PlannedProbe> probes, AttachOptions options)
    {
        using var maps = KernelMaps.Create(compiled.Maps, options.SystemCalls);
        List<string> logs = [];
        for (var index = 0; index < probes.Length; index++)
        {
            using var program = BpfProgram.Load(probes[index].Place.Complete(compiled.Programs[index].Program), maps.ByName, options.SystemCalls, keepLog: true);
            logs.Add(program.VerifierLog ?? "");
        }
        return string.Join('\n', logs);
    }
}
