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

    private readonly bool _isReturn;

    private KernelProbePlace(KernelFunctionMatch match, bool isReturn)
    {
        _match = match;
        _isReturn = isReturn;
    }

    internal override int SiteCount => _match.Functions.Length;

    internal override string Name => "the kernel";

    internal static KernelProbePlace Resolve(IrKernelProbe probe, ResolveOptions resolve, SystemCalls sys) =>
        new(KernelFunctionFinder.Read(sys).Find(probe.Symbols, KernelProbeKind.Kprobe, resolve.MaxFunctions), isReturn: false);

    /// <exception cref="ProbeQueryException">An instruction within a function is named.</exception>
    internal static KernelProbePlace ResolveReturns(IrKernelReturnProbe probe, ResolveOptions resolve, SystemCalls sys)
    {
        var match = KernelFunctionFinder.Read(sys).Find(probe.Symbols, KernelProbeKind.Kprobe, resolve.MaxFunctions);
        return match.Offset == 0 ? new(match, isReturn: true)
            : throw new ProbeQueryException($"A function returns as a whole, and \"{probe.Symbols}\" names an instruction. Name the function, without an offset.");
    }

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) =>
        [.. _match.Functions.Select(function => new ProbeSite(function.Module is { } module ? $"[{module}]" : "[kernel]", function.Name, _match.Offset, function.Address))];

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram)
    {
        var request = new KprobeRequest(_match.Functions, Cookies(), _isReturn, _match.Offset);
        return program.ExpectedAttachType == AttachType.TraceKprobeSession
            ? AttachedProbe.Load(program, maps, sys, loaded => KprobeMultiLink.AttachSession(loaded, request with { IsReturn = false }, sys))
            : KprobeAttacher.Attach(program, maps, request, kernel, sys);
    }
}
