using System.Collections.Immutable;
using StackDepth.Native.Spec;

namespace StackDepth.Ir;

/// <summary>One of the probes of a query that has several, with the filters and assignments that are its own.</summary>
internal sealed record IrBranch(IrProbe Probe, ImmutableArray<IrExpression> Predicates)
{
    public bool Equals(IrBranch? other) => other is not null && Probe == other.Probe && Predicates.SequenceEqual(other.Predicates);

    public override int GetHashCode() => Predicates.Aggregate(Probe.GetHashCode(), HashCode.Combine);
}

/// <summary>Several probes, each with a program of its own, which share their maps. What a query asks, it asks at each of them: see <see cref="IrQuery.Branches"/>.</summary>
internal sealed record IrAnyProbe(ImmutableArray<IrBranch> Branches, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => throw IrNodes.Unknown(this);

    public bool Equals(IrAnyProbe? other) => other is not null && ProcessId == other.ProcessId && IsSilent == other.IsSilent && Branches.SequenceEqual(other.Branches);

    public override int GetHashCode() => Branches.Aggregate(17, HashCode.Combine);

    public override string ToString() => string.Join(", ", Branches.Select(static branch => branch.Probe.ToString()));
}
