using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>Takes conjunctions apart, drops what always holds, and puts what needs no stack before what does; else the order is as written.</summary>
internal static class OrderPredicates
{
    internal static IrQuery Run(IrQuery query)
    {
        List<IrExpression> conjuncts = [];
        foreach (var predicate in query.Predicates)
            Split(predicate, conjuncts);
        return query with { Predicates = [.. conjuncts.Where(static c => !c.UsesStack), .. conjuncts.Where(static c => c.UsesStack)] };
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
