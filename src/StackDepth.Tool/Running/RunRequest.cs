using System.Collections.Immutable;

namespace StackDepth.Tool.Running;

/// <summary>How results are printed.</summary>
internal enum OutputFormat
{
    Table,
    Json,
}

/// <summary>All that <c>run</c> was asked for.</summary>
/// <param name="Query">What is measured.</param>
/// <param name="Command">The command and its arguments; empty when there is none.</param>
/// <param name="Duration">When to stop at the latest.</param>
/// <param name="Format">How the result is printed.</param>
/// <param name="Options">How the query is attached.</param>
internal sealed record RunRequest(QueryRequest Query, ImmutableArray<string> Command, TimeSpan? Duration, OutputFormat Format, AttachOptions Options);
