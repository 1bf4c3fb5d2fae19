namespace StackDepth;

/// <summary>Queries made of queries.</summary>
public static class ProbeQueries
{
    // Not a member of the query's class: a generic class whose methods answer a larger type of itself cannot be compiled ahead of time.
    /// <summary>Two queries of the same probe, computed by one program in one pass: one of them is a <c>MaxBy</c>, <c>MinBy</c> or <c>TopK</c>, and the other an aggregate or table.</summary>
    /// <exception cref="ProbeQueryException">The queries have different probes or filters, or are two of a kind.</exception>
    public static ProbeQuery<(TFirst First, TSecond Second)> And<TFirst, TSecond>(this ProbeQuery<TFirst> query, ProbeQuery<TSecond> other)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(other);
        var (first, second) = (query.Decode, other.Decode);
        return new(query.Query.And(other.Query), snapshot => (first(snapshot), second(snapshot)));
    }
}
