using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tracepoints;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>Tracepoints of the kernel.</summary>
internal sealed class TracepointPlace : ProbePlace
{
    private readonly IrTracepoint _probe;
    private readonly ImmutableArray<TracepointFormat> _formats;

    private TracepointPlace(IrTracepoint probe, ImmutableArray<TracepointFormat> formats) => (_probe, _formats) = (probe, formats);

    internal override int SiteCount => _formats.Length;

    internal override string Name => "the kernel";

    internal static TracepointPlace Resolve(IrTracepoint probe, ResolveOptions resolve, SystemCalls sys) =>
        new(probe, TracepointResolver.Resolve(Tracefs.Find(sys), probe.Group, probe.Name, resolve.MaxFunctions));

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) =>
        [.. _formats.Select(static format => new ProbeSite("[kernel]", $"{format.Group}:{format.Name}", 0, 0))];

    private protected override FieldPlace Locate(IrField field) => TracepointFields.Locate(_probe, _formats, field);

    private protected override FieldPlace Locate(IrFieldText text) => TracepointFields.Locate(_probe, _formats, text);

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram) =>
        AttachedProbe.Load(program, maps, sys, loaded => TracepointLinks.Attach(loaded, _formats, Cookies(), sys));
}
