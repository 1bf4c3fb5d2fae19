using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace StackDepth;

/// <summary>What came of a command that ran under a query.</summary>
/// <param name="Result">The query's result.</param>
/// <param name="ExitCode">The command's exit code; 128 plus the signal's number when a signal ended it, as shells say it.</param>
/// <param name="Health">Whether the result can be trusted.</param>
public sealed record ProbeRun<TResult>(TResult Result, int ExitCode, ProbeHealth Health)
{
    /// <summary>Where the probes sat.</summary>
    public ImmutableArray<ProbeSite> Sites { get; init; } = [];

    // The record's ToString(): lists as how much they hold, as a list's own text is the name of its type.
    private bool PrintMembers(StringBuilder text)
    {
        text.Append("Result = ");
        if (Result is ICollection values)
            text.Append(CultureInfo.InvariantCulture, $"{values.Count:N0} values");
        else
            text.Append(CultureInfo.InvariantCulture, $"{Result}");
        text.Append(CultureInfo.InvariantCulture, $", ExitCode = {ExitCode}, Health = {Health}, Sites = {Sites.Length:N0}");
        return true;
    }
}
