using System.Collections.Immutable;

namespace StackDepth.Native.Targets;

/// <summary>An open file and the places in it to probe.</summary>
internal sealed class ProbeTarget : OpenTarget
{
    /// <summary>At least one site, ordered by offset, one for each offset.</summary>
    public required ImmutableArray<FunctionSite> Sites { get; init; }
}
