using System.Collections.Immutable;
using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Running;

/// <summary>Whose stack is measured.</summary>
internal enum MeasuredStack
{
    /// <summary>The one that the probe is about: not written.</summary>
    OfProbe,

    User,
    Kernel,
}

/// <summary>What the hits are grouped by.</summary>
internal enum GroupKey
{
    None,
    Comm,
    Pid,
    Tid,
    Function,
    Completeness,
}

/// <summary>What is to be measured.</summary>
internal sealed record QueryRequest(ProbeSpec Probe, MeasuredStack Stack, GroupKey By, ImmutableArray<WhereCondition> Where, int? ProcessId, ImmutableArray<Question> Questions);
