using System.Collections.Immutable;
using System.Runtime.InteropServices;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>Functions of a file: their entries, their returns, or both at once.</summary>
internal sealed class UserProbePlace(ProbeTarget target, bool isReturn = false) : ProbePlace
{
    internal override int SiteCount => target.Sites.Length;

    internal override string Name => target.Path;

    internal override ProbeTarget Target => target;

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null)
    {
        var sites = new ProbeSite[target.Sites.Length];
        for (var index = 0; index < sites.Length; index++)
        {
            var site = target.Sites[index];
            sites[index] = new(target.Path, site.Symbol, site.Offset, site.Address) { Step = WalkChoices.Step(walk, entry, site.Offset) };
        }
        return ImmutableCollectionsMarshal.AsImmutableArray(sites);
    }

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram)
    {
        var offsets = new ulong[target.Sites.Length];
        for (var index = 0; index < offsets.Length; index++)
            offsets[index] = target.Sites[index].Offset;
        var request = new UprobeRequest(target.AttachPath, ImmutableCollectionsMarshal.AsImmutableArray(offsets), Cookies(), processId ?? 0, isReturn);
        return program.ExpectedAttachType == AttachType.TraceUprobeSession
            ? AttachedProbe.Load(program, maps, sys, loaded => UprobeSessionLink.Attach(loaded, request with { IsReturn = false }, sys))
            : UprobeAttacher.Attach(program, maps, request, kernel, sys, perfEventSpec: perfEventProgram);
    }

    public override void Dispose()
    {
        target.Dispose();
        base.Dispose();
    }
}
