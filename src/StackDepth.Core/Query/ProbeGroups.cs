using System.Collections.Immutable;
using System.Numerics;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>The hits of a probe, grouped by a key; aggregated in the kernel, one aggregate per key. How many keys fit is <see cref="AttachOptions.MaxKeys"/>.</summary>
public sealed class ProbeGroups<TContext, TKey>
    where TContext : ProbeContext
    where TKey : notnull
{
    private readonly TContext _context;
    private readonly IrProbe _probe;
    private readonly ImmutableArray<IrExpression> _predicates;
    private readonly IrExpression _key;

    internal ProbeGroups(TContext context, IrProbe probe, ImmutableArray<IrExpression> predicates, IrExpression key)
    {
        _context = context;
        _probe = probe;
        _predicates = predicates;
        _key = key;
    }

    /// <summary>How many hits each group had.</summary>
    public ProbeQuery<ProbeTable<TKey, long>> Count() =>
        new(Query(AggregateParts.Count, null), static snapshot => snapshot.ToTable<TKey, long>(static value => value.Count));

    /// <summary>The greatest value in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, T>> Max<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateParts.Maximum, selector), static snapshot => snapshot.ToTable<TKey, T>(static value => T.CreateTruncating(value.Maximum!.Value)));

    /// <summary>The smallest value in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, T>> Min<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateParts.Minimum, selector), static snapshot => snapshot.ToTable<TKey, T>(static value => T.CreateTruncating(value.Minimum!.Value)));

    /// <summary>The sum of the values in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, long>> Sum<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateParts.Count | AggregateParts.Sum, selector), static snapshot => snapshot.ToTable<TKey, long>(static value => value.Sum));

    /// <summary>The arithmetic mean of the values in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, double>> Average<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateParts.Count | AggregateParts.Sum, selector), static snapshot => snapshot.ToTable<TKey, double>(static value => value.Mean!.Value));

    /// <summary>The distribution of the values in each group, by powers of two.</summary>
    public ProbeQuery<ProbeTable<TKey, Histogram>> Histogram<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateParts.Histogram, selector), static snapshot => snapshot.ToTable<TKey, Histogram>(static value => value.ToHistogram()));

    /// <summary>Count, minimum, maximum, mean and histogram of the values in each group, in one pass.</summary>
    public ProbeQuery<ProbeTable<TKey, Summary<T>>> Summary<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        new(Query(AggregateValue.AllParts, selector), static snapshot => snapshot.ToTable<TKey, Summary<T>>(static value => value.ToSummary<T>()));

    /// <summary>Count, minimum, maximum, mean and histogram of several values in each group, in one pass; in their order.</summary>
    /// <remarks>A hit counts when all of its values can be had. Numbers of 32 bits are widened by <c>ToInt64()</c>.</remarks>
    public ProbeQuery<ProbeTable<TKey, ImmutableArray<Summary<long>>>> Summaries(params ReadOnlySpan<Func<TContext, Expr<long>>> selectors) =>
        new(Query(AggregateValue.AllParts, ProbeSource<TContext>.Values(_context, selectors)), static snapshot => snapshot.ToTable<TKey, ImmutableArray<Summary<long>>>(static value => value.ToSummaries<long>()));

    private IrQuery Query(AggregateParts parts, IrExpression? value) => new(_probe, _predicates, new IrAggregate(parts, value, _key));

    private IrQuery Query<T>(AggregateParts parts, Func<TContext, Expr<T>> selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        return Query(parts, selector(_context).Node);
    }
}
