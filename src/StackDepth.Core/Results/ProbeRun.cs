using System.Collections.Immutable;

namespace StackDepth;

/// <summary>What came of a command that ran under a query.</summary>
/// <param name="Result">The query's result.</param>
/// <param name="ExitCode">The command's exit code; 128 plus the signal's number when a signal ended it, as shells say it.</param>
/// <param name="Health">Whether the result can be trusted.</param>
public sealed record ProbeRun<TResult>(TResult Result, int ExitCode, ProbeHealth Health)
{
    /// <summary>Where the probes sat.</summary>
    public ImmutableArray<ProbeSite> Sites { get; init; } = [];
}
