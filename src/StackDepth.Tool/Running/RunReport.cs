using System.Collections.Immutable;

namespace StackDepth.Tool.Running;

/// <summary>Why a run was over.</summary>
internal enum RunEnd
{
    /// <summary>The command, or the observed process, exited.</summary>
    Exit,

    /// <summary>The time of <c>--duration</c> was over.</summary>
    Duration,

    /// <summary>A signal came.</summary>
    Interrupt,
}

/// <summary>What came of a run.</summary>
internal sealed record RunReport(
    QueryRequest Query,
    StackWalk Walk,
    Depths Depths,
    ProbeHealth Health,
    ImmutableArray<ProbeSite> Sites,
    string? TargetNote,
    string AttachedBy,
    RunEnd End,
    int? ExitCode)
{
    /// <summary>Whether hits are missing in all depths, as their group found no room: then the total is that of the other groups.</summary>
    internal bool IsTotalPartial => Depths.Groups is not null && Health.KeysLost > 0;
}
