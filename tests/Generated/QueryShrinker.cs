using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>Makes a query that fails, and the hits at which it does, as small as they can be and still fail.</summary>
internal static class QueryShrinker
{
    /// <param name="query">The query.</param>
    /// <param name="hits">The hits.</param>
    /// <param name="fails">Whether a query fails as this one does, at hits.</param>
    /// <param name="attempts">How often to ask.</param>
    internal static (IrQuery Query, ImmutableArray<THit> Hits) Shrink<THit>(IrQuery query, ImmutableArray<THit> hits, Func<IrQuery, ImmutableArray<THit>, bool> fails, int attempts)
    {
        while (FewerHits() || SmallerQuery())
        {
            // Until neither can be made smaller.
        }
        return (query, hits);

        bool FewerHits()
        {
            for (var length = hits.Length / 2; length > 0; length /= 2)
            {
                for (var start = 0; start + length <= hits.Length; start += length)
                {
                    var fewer = hits.RemoveRange(start, length);
                    if (attempts-- <= 0)
                        return false;
                    if (!fails(query, fewer))
                        continue;
                    hits = fewer;
                    return true;
                }
            }
            return false;
        }

        bool SmallerQuery()
        {
            foreach (var smaller in Smaller(query))
            {
                if (attempts-- <= 0)
                    return false;
                if (!fails(smaller, hits))
                    continue;
                query = smaller;
                return true;
            }
            return false;
        }
    }

    /// <summary>Queries that are a step smaller, those that lack most first.</summary>
    internal static IEnumerable<IrQuery> Smaller(IrQuery query)
    {
        if (query.Probe is IrAnyProbe any)
        {
            if (any.Branches.Length > 1)
                yield return query with { Probe = any with { Branches = any.Branches[..^1] } };
            for (var branch = 0; branch < any.Branches.Length; branch++)
            {
                var at = branch;
                foreach (var predicates in Smaller(any.Branches[branch].Predicates, mayBeEmpty: true))
                    yield return query with { Probe = any with { Branches = any.Branches.SetItem(at, any.Branches[at] with { Predicates = predicates }) } };
            }
        }
        foreach (var predicates in Smaller(query.Predicates, mayBeEmpty: true))
            yield return query with { Predicates = predicates };
        for (var control = 0; control < query.Controls.Length; control++)
            yield return query with { Controls = query.Controls.RemoveAt(control) };
        foreach (var sink in Smaller(query.Sink))
            yield return query with { Sink = sink };
    }

    private static IEnumerable<IrSink> Smaller(IrSink sink)
    {
        switch (sink)
        {
            case IrEmit emit:
                foreach (var fields in Smaller(emit.Fields, mayBeEmpty: false))
                    yield return new IrEmit(fields);
                break;
            case IrEmitExtremum extremum:
                foreach (var value in Smaller(extremum.Value))
                    yield return extremum with { Value = value };
                break;
            case IrAggregate aggregate:
                if (aggregate.Parts != AggregateParts.None && aggregate.Kept is not null)
                    yield return aggregate with { Kept = null };
                if (aggregate.Key is not null)
                    yield return aggregate with { Key = null };
                foreach (var part in Enum.GetValues<AggregateParts>().Where(part => part != AggregateParts.None && aggregate.Parts != part && aggregate.Parts.HasFlag(part)))
                    yield return aggregate with { Parts = aggregate.Parts & ~part };
                if (aggregate.Buckets is not null)
                    yield return aggregate with { Buckets = null };
                if (aggregate.Key is IrTuple tuple)
                {
                    foreach (var items in Smaller(tuple.Items, mayBeEmpty: false))
                        yield return aggregate with { Key = items.Length == 1 ? items[0] : new IrTuple(items) };
                }
                else if (aggregate.Key is not null)
                {
                    foreach (var key in Smaller(aggregate.Key))
                        yield return aggregate with { Key = key };
                }
                if (aggregate.Value is not null)
                {
                    foreach (var value in Smaller(aggregate.Value))
                        yield return aggregate with { Value = value };
                }
                if (aggregate.Kept is { } kept)
                {
                    foreach (var by in Smaller(kept.By))
                        yield return aggregate with { Kept = kept with { By = by } };
                    if (kept.Key is not null)
                        yield return aggregate with { Kept = kept with { Key = null } };
                    foreach (var key in kept.Key is IrTuple tupled ? tupled.Items : [])
                        yield return aggregate with { Kept = kept with { Key = key } };
                }
                break;
        }
    }

    private static IEnumerable<ImmutableArray<IrExpression>> Smaller(ImmutableArray<IrExpression> expressions, bool mayBeEmpty)
    {
        for (var index = 0; index < expressions.Length; index++)
        {
            if (mayBeEmpty || expressions.Length > 1)
                yield return expressions.RemoveAt(index);
        }
        for (var index = 0; index < expressions.Length; index++)
        {
            var at = index;
            foreach (var smaller in Smaller(expressions[index]))
                yield return expressions.SetItem(at, smaller);
        }
    }

    /// <summary>Smaller expressions of the same type: a part of it, a constant, or the same of smaller parts.</summary>
    private static IEnumerable<IrExpression> Smaller(IrExpression expression)
    {
        var operands = expression.Operands.ToArray();
        if (expression is not IrAssign)
        {
            foreach (var part in operands.Where(part => part.Type == expression.Type))
                yield return part;
            if (expression is not IrConstant && (expression.Type == IrType.Boolean || expression.Type.IsNumber()))
                yield return new IrConstant(1, expression.Type);
        }
        for (var index = 0; index < operands.Length; index++)
        {
            foreach (var smaller in Smaller(operands[index]))
            {
                var changed = operands.ToArray();
                changed[index] = smaller;
                yield return expression.With(changed);
            }
        }
    }
}
