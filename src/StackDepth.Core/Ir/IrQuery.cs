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

    /// <summary>The value of the latest hit.</summary>
    Last = 32,
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

/// <summary>Nowhere, and they are not counted either: of a probe whose hits only change variables.</summary>
internal sealed record IrDiscard : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => [];
}

/// <summary>
/// Aggregated in the kernel: <paramref name="Parts"/> of <paramref name="Value"/>, for each <paramref name="Key"/> when there is one (a tuple where there are several); and the hits that are to be
/// <paramref name="Kept"/>. A histogram is by powers of two unless it has other <paramref name="Buckets"/>.
/// </summary>
internal sealed record IrAggregate(AggregateParts Parts, IrExpression? Value, IrExpression? Key, IrKeep? Kept = null, IrBuckets? Buckets = null) : IrSink
{
    internal override IEnumerable<IrExpression> Expressions => new[] { Key, Value, Kept?.Key, Kept?.By }.OfType<IrExpression>();
}

/// <summary>Hits to be kept with their frames.</summary>
/// <param name="Count">How many.</param>
/// <param name="Maximum">Those of the greatest values, or else of the smallest.</param>
/// <param name="By">The value.</param>
/// <param name="Stack">Whose frames.</param>
/// <param name="Key">For each of which so many are kept; null where they are kept over all hits.</param>
internal sealed record IrKeep(int Count, bool Maximum, IrExpression By, IrStack Stack, IrExpression? Key = null)
{
    /// <summary>With the stack that the value was taken from, or the user stack.</summary>
    internal static IrKeep Of(IrExpression by, int count, bool maximum) =>
        new(count, maximum, by, by is IrStackValue { Stack: { Kind: StackKind.User or StackKind.Kernel } own } ? own : new IrStack(StackKind.User));
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
/// <param name="Probe">Whose hits it asks about.</param>
/// <param name="Predicates">The filters, and among them assignments (<see cref="IrAssign"/>), in the order in which they were written.</param>
/// <param name="Sink">Where the values go.</param>
internal sealed record IrQuery(IrProbe Probe, ImmutableArray<IrExpression> Predicates, IrSink Sink)
{
    /// <summary>Which of the hits that pass go on to the sink; asked in their order.</summary>
    internal ImmutableArray<IrControl> Controls { get; init; } = [];

    /// <summary>The queries of one probe each that this one stands for. Behind the last assignment of a silent probe there is nothing to do.</summary>
    internal ImmutableArray<IrQuery> Branches
    {
        get
        {
            if (Probe is not IrAnyProbe any)
                return [Probe.IsSilent ? Silence(this) : this];
            var branches = ImmutableArray.CreateBuilder<IrQuery>(any.Branches.Length);
            foreach (var branch in any.Branches)
            {
                var silent = any.IsSilent || branch.Probe.IsSilent;
                var query = this with { Probe = branch.Probe with { ProcessId = ProcessId(branch) }, Predicates = [.. branch.Predicates, .. Predicates] };
                branches.Add(silent ? Silence(query) : query);
            }
            return branches.MoveToImmutable();

            int? ProcessId(IrBranch branch) => any.ProcessId ?? branch.Probe.ProcessId;

            static IrQuery Silence(IrQuery query)
            {
                var used = query.Predicates.Length;
                while (used > 0 && query.Predicates[used - 1] is not IrAssign)
                    used--;
                return query with { Predicates = query.Predicates[..used], Controls = [], Sink = new IrDiscard() };
            }
        }
    }

    public bool Equals(IrQuery? other) =>
        other is not null && Probe == other.Probe && Predicates.SequenceEqual(other.Predicates) && Sink == other.Sink && Controls.SequenceEqual(other.Controls);

    public override int GetHashCode() => Predicates.Aggregate(HashCode.Combine(Probe, Sink), HashCode.Combine);

    /// <summary>Both queries in one: an aggregate, and hits that are kept.</summary>
    /// <exception cref="ProbeQueryException">They cannot be one.</exception>
    internal IrQuery And(IrQuery other)
    {
        if (Probe != other.Probe || !Predicates.SequenceEqual(other.Predicates) || !Controls.SequenceEqual(other.Controls))
            throw new ProbeQueryException("And joins two queries of the same probe with the same filters: build both from one source, with its ForProcess and Where.");
        return (Sink, other.Sink) switch
        {
            (IrAggregate { Kept: null } aggregate, IrAggregate { Parts: AggregateParts.None, Kept: { } kept }) => this with { Sink = aggregate with { Kept = kept } },
            (IrAggregate { Parts: AggregateParts.None, Kept: { } kept }, IrAggregate { Kept: null } aggregate) => this with { Sink = aggregate with { Kept = kept } },
            (IrCountHits, IrAggregate { Parts: AggregateParts.None } keep) => this with { Sink = keep },
            (IrAggregate { Parts: AggregateParts.None } keep, IrCountHits) => this with { Sink = keep },
            _ => throw new ProbeQueryException("And joins an aggregate or a table with a MaxBy, MinBy or TopK. Several aggregates of one probe are computed by Summaries; else run them as sessions of their own."),
        };
    }

    /// <summary>The expressions, in no order.</summary>
    internal IEnumerable<IrExpression> Expressions => Predicates.Concat(Controls.SelectMany(static control => control.Expressions)).Concat(Sink.Expressions);
}
