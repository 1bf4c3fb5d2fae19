using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>A probe, and which of its hits matter. Immutable: every method answers a new source.</summary>
/// <typeparam name="TContext">What this kind of probe knows at a hit.</typeparam>
public sealed partial class ProbeSource<TContext>
    where TContext : ProbeContext
{
    private readonly TContext _context;
    private readonly IrProbe _probe;
    private readonly ImmutableArray<IrExpression> _predicates;

    internal ProbeSource(TContext context, IrProbe probe, ImmutableArray<IrExpression> predicates)
    {
        _context = context;
        _probe = probe;
        _predicates = predicates;
    }

    /// <summary>Keeps the hits for which <paramref name="predicate"/> holds; it is decided in the kernel, before a stack is walked where it can be.</summary>
    public ProbeSource<TContext> Where(Func<TContext, Expr<bool>> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(_context, _probe, _predicates.Add(_context.Node(predicate)));
    }

    /// <summary>Keeps the hits of one process. At user-space probes no other process takes the probe's trap; at others the program tells them apart. Its threads count, its children do not.</summary>
    /// <param name="pid">The process id.</param>
    public ProbeSource<TContext> ForProcess(int pid)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pid);
        return new(_context, _probe with { ProcessId = pid }, _predicates);
    }

    /// <summary>Keeps the hits of one thread; the program tells it apart, before a stack is walked. For a user-space probe, <see cref="ForProcess"/> beside it keeps other processes from the probe's trap.</summary>
    /// <param name="tid">The thread's id, as <c>gettid()</c> has it and the folders of <c>/proc/PID/task</c> are named.</param>
    public ProbeSource<TContext> ForThread(int tid)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tid);
        return Where(context => context.Tid == tid);
    }

    /// <summary>Keeps the hits of the threads in a cgroup and in those below it: <see cref="ProbeContext.InCgroup"/>.</summary>
    /// <param name="path">Its folder: <c>/sys/fs/cgroup/system.slice</c>, or below the mount of the hierarchy of version 2, <c>system.slice</c>.</param>
    public ProbeSource<TContext> ForCgroup(string path) => Where(context => context.InCgroup(path));

    /// <summary>One value for each hit.</summary>
    public ProbeStream<T> Select<T>(Func<TContext, Expr<T>> selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        return new(_probe, _predicates, [_context.Node(selector)], EventReader.One<T>);
    }

    /// <summary>The stack of each hit: <see cref="StackExpr.Frames"/>.</summary>
    public ProbeStream<CallStack> Select(Func<TContext, StackExpr> selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        return Select(context => selector(context).Frames);
    }

    /// <summary>Two values for each hit.</summary>
    public ProbeStream<(T1, T2)> Select<T1, T2>(Func<TContext, (Expr<T1>, Expr<T2>)> selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        var (first, second) = selector(_context);
        return new(
            _probe, _predicates,
            [CapturedValues.Remember(first.Node, () => selector(_context).Item1.Node), CapturedValues.Remember(second.Node, () => selector(_context).Item2.Node)],
            static (scoped ref reader) => (reader.Next<T1>(), reader.Next<T2>()));
    }

    /// <summary>Three values for each hit.</summary>
    public ProbeStream<(T1, T2, T3)> Select<T1, T2, T3>(Func<TContext, (Expr<T1>, Expr<T2>, Expr<T3>)> selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        var (first, second, third) = selector(_context);
        return new(
            _probe, _predicates,
            [
                CapturedValues.Remember(first.Node, () => selector(_context).Item1.Node), CapturedValues.Remember(second.Node, () => selector(_context).Item2.Node),
                CapturedValues.Remember(third.Node, () => selector(_context).Item3.Node),
            ],
            static (scoped ref reader) => (reader.Next<T1>(), reader.Next<T2>(), reader.Next<T3>()));
    }

    /// <summary>Count, minimum, maximum, mean and histogram of several values of each hit, in one pass; in their order.</summary>
    /// <remarks>A hit counts when all of its values can be had. Numbers of 32 bits are widened by <c>ToInt64()</c>.</remarks>
    public ProbeQuery<ImmutableArray<Summary<long>>> Summaries(params ReadOnlySpan<Func<TContext, Expr<long>>> selectors) =>
        new(new IrQuery(_probe, _predicates, new IrAggregate(AggregateValue.AllParts, Values(_context, selectors), null)), static snapshot => snapshot.Total.ToSummaries<long>());

    /// <summary>
    /// The hit of the greatest value, with its frames; null when there was none. Of equal values the first one counts. A stack is walked for its frames only when its hit is the greatest so
    /// far, and its addresses stay in the kernel until the result is read: then they are named, also where the process has ended. Needs Linux 5.15.
    /// </summary>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<RecordHolder<T>?> MaxBy<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => new(Keep(selector, 1, maximum: true), static snapshot => snapshot.Records<T>().FirstOrDefault());

    /// <summary>The hit of the smallest value, with its frames; null when there was none. As <see cref="MaxBy"/>.</summary>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<RecordHolder<T>?> MinBy<T>(Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T> => new(Keep(selector, 1, maximum: false), static snapshot => snapshot.Records<T>().FirstOrDefault());

    /// <summary>The hits of the greatest values, each with its frames, the greatest first. As <see cref="MaxBy"/>; each place takes 32 KiB of kernel memory.</summary>
    /// <param name="count">How many: at most 61.</param>
    /// <param name="selector">The value.</param>
    /// <exception cref="ProbeQueryException">The query cannot be computed in the kernel.</exception>
    public ProbeQuery<ImmutableArray<RecordHolder<T>>> TopK<T>(int count, Func<TContext, Expr<T>> selector)
        where T : struct, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, KeptLayout.Most);
        return new(Keep(selector, count, maximum: true), static snapshot => snapshot.Records<T>());
    }

    private IrQuery Keep<T>(Func<TContext, Expr<T>> selector, int count, bool maximum, [CallerMemberName] string method = "")
    {
        ArgumentNullException.ThrowIfNull(selector);
        return new(_probe, _predicates, new IrAggregate(AggregateParts.None, null, null, IrKeep.Of(_context.Node(selector, method), count, maximum)));
    }

    internal static IrExpression Values(TContext context, ReadOnlySpan<Func<TContext, Expr<long>>> selectors)
    {
        if (selectors.IsEmpty)
            throw new ProbeQueryException("Summaries needs a value, or several.");
        var values = ImmutableArray.CreateBuilder<IrExpression>(selectors.Length);
        foreach (var selector in selectors)
        {
            ArgumentNullException.ThrowIfNull(selector, nameof(selectors));
            values.Add(context.Node(selector, nameof(Summaries)));
        }
        return values.Count == 1 ? values[0] : new IrTuple(values.MoveToImmutable());
    }

    /// <summary>Groups the hits by a key, to aggregate each group by itself.</summary>
    public ProbeGroups<TContext, TKey> GroupBy<TKey>(Func<TContext, Expr<TKey>> key)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(_context, _probe, _predicates, _context.Node(key), EventReader.One<TKey>);
    }

    /// <summary>Groups the hits by their stacks, to aggregate each by itself: by <see cref="StackExpr.Frames"/>.</summary>
    public ProbeGroups<TContext, CallStack> GroupBy(Func<TContext, StackExpr> key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return GroupBy(context => key(context).Frames);
    }

    /// <summary>Groups the hits by two values, to aggregate each pair by itself.</summary>
    public ProbeGroups<TContext, (TKey1, TKey2)> GroupBy<TKey1, TKey2>(Func<TContext, (Expr<TKey1>, Expr<TKey2>)> key)
        where TKey1 : notnull
        where TKey2 : notnull
    {
        ArgumentNullException.ThrowIfNull(key);
        var (first, second) = key(_context);
        return new(_context, _probe, _predicates, new IrTuple([CapturedValues.Remember(first.Node, () => key(_context).Item1.Node), CapturedValues.Remember(second.Node, () => key(_context).Item2.Node)]), static (scoped ref reader) => (reader.Next<TKey1>(), reader.Next<TKey2>()));
    }

    /// <summary>Groups the hits by three values, to aggregate each triple by itself.</summary>
    public ProbeGroups<TContext, (TKey1, TKey2, TKey3)> GroupBy<TKey1, TKey2, TKey3>(Func<TContext, (Expr<TKey1>, Expr<TKey2>, Expr<TKey3>)> key)
        where TKey1 : notnull
        where TKey2 : notnull
        where TKey3 : notnull
    {
        ArgumentNullException.ThrowIfNull(key);
        var (first, second, third) = key(_context);
        return new(
            _context, _probe, _predicates,
            new IrTuple(
            [
                CapturedValues.Remember(first.Node, () => key(_context).Item1.Node), CapturedValues.Remember(second.Node, () => key(_context).Item2.Node),
                CapturedValues.Remember(third.Node, () => key(_context).Item3.Node),
            ]),
            static (scoped ref reader) => (reader.Next<TKey1>(), reader.Next<TKey2>(), reader.Next<TKey3>()));
    }

    /// <summary>How many hits there were.</summary>
    public ProbeQuery<long> Count() =>
        new(new IrQuery(_probe, _predicates, new IrCountHits()), static snapshot => snapshot.Hits);
}
