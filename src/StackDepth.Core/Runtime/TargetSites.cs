using System.Runtime.InteropServices;
using StackDepth.Native.Link;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

internal static class TargetSites
{
    internal static SiteTable Describe(ProbeTarget target, StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null)
    {
        var sites = new ProbeSite[target.Sites.Length];
        for (var index = 0; index < sites.Length; index++)
        {
            var site = target.Sites[index];
            sites[index] = new(target.Path, site.Symbol, site.Offset, site.Address) { Step = WalkChoices.Step(walk, entry, site.Offset) };
        }
        return new(ImmutableCollectionsMarshal.AsImmutableArray(sites));
    }

    /// <summary>Where to attach: each site with its number as the cookie that the kernel hands back at a hit.</summary>
    internal static UprobeRequest Request(ProbeTarget target, int? processId)
    {
        var offsets = new ulong[target.Sites.Length];
        var cookies = new ulong[offsets.Length];
        for (var index = 0; index < offsets.Length; index++)
            (offsets[index], cookies[index]) = (target.Sites[index].Offset, (ulong)index);
        return new(target.AttachPath, ImmutableCollectionsMarshal.AsImmutableArray(offsets), ImmutableCollectionsMarshal.AsImmutableArray(cookies), processId ?? 0, IsReturn: false);
    }
}
