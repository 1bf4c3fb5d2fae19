using System.Collections.Immutable;

namespace StackDepth.Ir;

/// <summary>Which of the hits that passed the filters go on to the sink. All CPUs share what it remembers.</summary>
internal abstract record IrControl
{
    /// <summary>What it looks at.</summary>
    internal virtual ImmutableArray<IrExpression> Expressions => [];

    /// <summary>Whether it may come before the stacks that the sink needs are walked: it chooses among hits, not among values.</summary>
    internal virtual bool ChoosesHits => false;
}

/// <summary>The first of every <paramref name="Of"/> hits.</summary>
internal sealed record IrSample(int Of) : IrControl
{
    internal override bool ChoosesHits => true;
}

/// <summary>At most one hit in any <paramref name="Nanoseconds"/>.</summary>
internal sealed record IrThrottle(long Nanoseconds) : IrControl
{
    internal override bool ChoosesHits => true;
}

/// <summary>The first <paramref name="Count"/> values.</summary>
internal sealed record IrTake(long Count) : IrControl;

/// <summary>Each value once.</summary>
internal sealed record IrDistinct(ImmutableArray<IrExpression> Fields) : IrControl
{
    internal override ImmutableArray<IrExpression> Expressions => Fields;

    public bool Equals(IrDistinct? other) => other is not null && Fields.SequenceEqual(other.Fields);

    public override int GetHashCode() => Fields.Aggregate(17, HashCode.Combine);
}
