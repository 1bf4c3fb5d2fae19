using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>Functions of the kernel.</summary>
internal sealed class KernelProbePlace : ProbePlace
{
    private readonly KernelFunctionMatch _match;

    private KernelProbePlace(KernelFunctionMatch match) => _match = match;

    internal override int SiteCount => _match.Functions.Length;

    internal override string Name => "the kernel";

    internal static KernelProbePlace Resolve(IrKernelProbe probe, ResolveOptions resolve, SystemCalls sys) =>
        new(KernelFunctionFinder.Read(sys).Find(probe.Symbols, KernelProbeKind.Kprobe, resolve.MaxFunctions));

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) =>
        [.. _match.Functions.Select(function => new ProbeSite(function.Module is { } module ? $"[{module}]" : "[kernel]", function.Name, _match.Offset, function.Address))];

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram) =>
        KprobeAttacher.Attach(program, maps, new(_match.Functions, Cookies(), IsReturn: false, _match.Offset), kernel, sys);
}
