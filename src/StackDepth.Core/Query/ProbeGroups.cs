using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using StackDepth.Compile;
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
    private readonly EventDecoder<TKey> _decode;

    internal ProbeGroups(TContext context, IrProbe probe, ImmutableArray<IrExpression> predicates, IrExpression key, EventDecoder<TKey> decode)
    {
        _context = context;
        _probe = probe;
        _predicates = predicates;
        _key = key;
        _decode = decode;
    }

    /// <summary>How many hits each group had.</summary>
    public ProbeQuery<ProbeTable<TKey, long>> Count() =>
        Table(Query(AggregateParts.Count, null), static value => value.Count);

    /// <summary>The greatest value in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, T>> Max<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Maximum, selector), static value => T.CreateTruncating(value.Maximum!.Value));

    /// <summary>The smallest value in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, T>> Min<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Minimum, selector), static value => T.CreateTruncating(value.Minimum!.Value));

    /// <summary>The sum of the values in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, long>> Sum<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Count | AggregateParts.Sum, selector), static value => value.Sum);

    /// <summary>The arithmetic mean of the values in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, double>> Average<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Count | AggregateParts.Sum, selector), static value => value.Mean!.Value);

    /// <summary>The distribution of the values in each group, by powers of two.</summary>
    public ProbeQuery<ProbeTable<TKey, Histogram>> Histogram<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Histogram, selector), static value => value.ToHistogram());

    /// <summary>The distribution of the values in each group in equal steps, as <see cref="ProbeAggregates.LinearHistogram"/>.</summary>
    /// <exception cref="ProbeQueryException">The range is empty, or has too many steps.</exception>
    public ProbeQuery<ProbeTable<TKey, Histogram>> LinearHistogram<T>(Func<TContext, Expr<T>> selector, T min, T max, T step)
        where T : struct, INumber<T> =>
        Table(Query(AggregateParts.Histogram, selector, AggregateValue.Linear(min, max, step)), static value => value.ToHistogram());

    /// <summary>
    /// The value at or below which the share <paramref name="q"/> of the values in each group lies, as exact as <see cref="ProbeAggregates.Quantile"/>. Each group takes up to 30 KiB of kernel memory on each CPU:
    /// set <see cref="AttachOptions.MaxKeys"/> to what there is memory for.
    /// </summary>
    public ProbeQuery<ProbeTable<TKey, T>> Quantile<T>(Func<TContext, Expr<T>> selector, double q)
        where T : struct, INumber<T>
    {
        ArgumentNullException.ThrowIfNull(selector);
        AggregateValue.CheckShare(q);
        var value = _context.Node(selector);
        return Table(Query(AggregateValue.QuantileParts, value, new IrFineBuckets(value.Type != IrType.Int32)), group => T.CreateTruncating(group.Quantile(q)!.Value));
    }

    /// <summary>The value of the latest hit in each group.</summary>
    public ProbeQuery<ProbeTable<TKey, T>> Last<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => Table(Query(AggregateParts.Last, selector), static value => T.CreateTruncating(value.Last!.Value));

    /// <summary>Count, minimum, maximum and mean of the values in each group, in one pass.</summary>
    public ProbeQuery<ProbeTable<TKey, Stats<T>>> Stats<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => Table(Query(AggregateValue.StatsParts, selector), static value => value.ToStats<T>());

    /// <summary>Count, minimum, maximum, mean and histogram of the values in each group, in one pass.</summary>
    public ProbeQuery<ProbeTable<TKey, Summary<T>>> Summary<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> =>
        Table(Query(AggregateValue.AllParts, selector), static value => value.ToSummary<T>());

    /// <summary>Count, minimum, maximum, mean and histogram of several values in each group, in one pass; in their order.</summary>
    /// <remarks>A hit counts when all of its values can be had. Numbers of 32 bits are widened by <c>ToInt64()</c>.</remarks>
    public ProbeQuery<ProbeTable<TKey, ImmutableArray<Summary<long>>>> Summaries(params ReadOnlySpan<Func<TContext, Expr<long>>> selectors) =>
        Table(Query(AggregateValue.AllParts, ProbeSource<TContext>.Values(_context, selectors)), static value => value.ToSummaries<long>());

    /// <summary>
    /// The hit of the greatest value in each group, with its frames, as <see cref="ProbeSource{TContext}.MaxBy"/>. Each group takes four places of 4 KiB, which are made when a hit needs them: of a stack that has no recursion
    /// in it the innermost 232 frames are kept and the outermost 256. Before Linux 6.1 they are made up front, of at most 64 MiB.
    /// </summary>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<ProbeTable<TKey, RecordHolder<T>>> MaxBy<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => Records(selector, 1, maximum: true, static records => records[0]);

    /// <summary>The hit of the smallest value in each group, with its frames. As <see cref="MaxBy"/>.</summary>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<ProbeTable<TKey, RecordHolder<T>>> MinBy<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => Records(selector, 1, maximum: false, static records => records[0]);

    /// <summary>The hits of the greatest values in each group, each with its frames, the greatest first. As <see cref="MaxBy"/>; each group takes three places more than <paramref name="count"/>.</summary>
    /// <param name="count">How many: at most 61.</param>
    /// <param name="selector">The value.</param>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<ProbeTable<TKey, ImmutableArray<RecordHolder<T>>>> TopK<T>(int count, Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, KeptLayout.Most);
        return Records(selector, count, maximum: true, static records => records);
    }

    private ProbeQuery<ProbeTable<TKey, TValue>> Records<T, TValue>(Func<TContext, Expr<T>> selector, int count, bool maximum, Func<ImmutableArray<RecordHolder<T>>, TValue> select, [CallerMemberName] string method = "")
        where T : struct, INumber<T>
    {
        ArgumentNullException.ThrowIfNull(selector);
        var decode = _decode;
        var keep = IrKeep.Of(_context.Node(selector, method), count, maximum) with { Key = _key };
        return new(new(_probe, _predicates, new IrAggregate(AggregateParts.None, null, null, keep)), snapshot => snapshot.RecordTable(decode, count, maximum, select));
    }

    private ProbeQuery<ProbeTable<TKey, TValue>> Table<TValue>(IrQuery query, Func<AggregateValue, TValue> select)
    {
        var decode = _decode;
        return new(query, snapshot => snapshot.ToTable(decode, select));
    }

    private IrQuery Query(AggregateParts parts, IrExpression? value, IrBuckets? buckets = null) => new(_probe, _predicates, new IrAggregate(parts, value, _key, Buckets: buckets));

    private IrQuery Query<T>(AggregateParts parts, Func<TContext, Expr<T>> selector, IrBuckets? buckets = null, [CallerMemberName] string method = "")
    {
        ArgumentNullException.ThrowIfNull(selector);
        return Query(parts, _context.Node(selector, method), buckets);
    }
}
