using System.Collections.Immutable;

namespace StackDepth.Ir;

/// <summary>Which parts of a value's distribution an aggregate keeps.</summary>
[Flags]
internal enum AggregateParts
{
    None = 0,
    Count = 1,
    Sum = 2,
    Minimum = 4,
    Maximum = 8,
    Histogram = 16,
}

/// <summary>The probe of a query: a uprobe on functions of a binary, as the user wrote them.</summary>
internal sealed record IrProbe(string Binary, string Symbols, int? ProcessId = null)
{
    /// <summary>The probe as bpftrace writes it.</summary>
    public override string ToString() => $"uprobe:{Binary}:{Symbols}";
}

/// <summary>Where the values of a query go.</summary>
internal abstract record IrSink
{
    /// <summary>What it is computed from.</summary>
    internal abstract IEnumerable<IrExpression> Expressions { get; }
}

/// <summary>Nowhere: the hits are the result, and they are counted anyway.</summary>
internal sealed record IrCountHits : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => [];
}

/// <summary>Aggregated in the kernel: <paramref name="Parts"/> of <paramref name="Value"/>, for each <paramref name="Key"/> when there is one.</summary>
internal sealed record IrAggregate(AggregateParts Parts, IrExpression? Value, IrExpression? Key) : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => new[] { Key, Value }.OfType<IrExpression>();
}

/// <summary>One record through the ring buffer for each hit.</summary>
internal sealed record IrEmit(ImmutableArray<IrExpression> Fields) : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => Fields;

    public bool Equals(IrEmit? other) => other is not null && Fields.SequenceEqual(other.Fields);

    public override int GetHashCode() => Fields.Aggregate(17, HashCode.Combine);
}

/// <summary>One record through the ring buffer each time <paramref name="Value"/> is beyond all before it.</summary>
internal sealed record IrEmitExtremum(bool Maximum, IrExpression Value) : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => [Value];
}

/// <summary>A whole query, as the fluent API built it: immutable, knows no kernel.</summary>
internal sealed record IrQuery(IrProbe Probe, ImmutableArray<IrExpression> Predicates, IrSink Sink)
{
    public bool Equals(IrQuery? other) => other is not null && Probe == other.Probe && Predicates.SequenceEqual(other.Predicates) && Sink == other.Sink;

    public override int GetHashCode() => Predicates.Aggregate(HashCode.Combine(Probe, Sink), HashCode.Combine);

    /// <summary>The expressions, in no order.</summary>
    internal IEnumerable<IrExpression> Expressions => Predicates.Concat(Sink.Expressions);
}
