using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

internal static class TargetSites
{
    internal static SiteTable Describe(ProbeTarget target) =>
        new([.. target.Sites.Select(site => new ProbeSite(target.Path, site.Symbol, site.Offset, site.Address))]);
}
