using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Takes conjunctions apart, drops what always holds, and puts what needs no stack before what does; else the order is as written. Nothing goes past an assignment: that is made at the hits that passed what is
/// written before it, and seen by what is written behind it.
/// </summary>
internal static class OrderPredicates
{
    internal static IrQuery Run(IrQuery query)
    {
        List<IrExpression> conjuncts = [];
        var ordered = ImmutableArray.CreateBuilder<IrExpression>(query.Predicates.Length);
        foreach (var predicate in query.Predicates)
        {
            if (predicate is not IrAssign)
            {
                Split(predicate, conjuncts);
                continue;
            }
            Order(conjuncts, ordered);
            ordered.Add(predicate);
        }
        Order(conjuncts, ordered);
        return query with { Predicates = ordered.ToImmutable() };
    }

    private static void Order(List<IrExpression> conjuncts, ImmutableArray<IrExpression>.Builder ordered)
    {
        ordered.AddRange(conjuncts.Where(static c => !c.UsesStack));
        ordered.AddRange(conjuncts.Where(static c => c.UsesStack));
        conjuncts.Clear();
    }

    private static void Split(IrExpression predicate, List<IrExpression> conjuncts)
    {
        if (predicate is IrLogic { Operator: LogicOperator.And } and)
        {
            Split(and.Left, conjuncts);
            Split(and.Right, conjuncts);
        }
        else if (predicate is not IrConstant { Value: not 0 })
        {
            conjuncts.Add(predicate);
        }
    }
}
