using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>Computes what is known before the program runs, and simplifies logic around it.</summary>
internal static class FoldConstants
{
    private static readonly IrConstant True = new(1, IrType.Boolean);
    private static readonly IrConstant False = new(0, IrType.Boolean);

    internal static IrQuery Run(IrQuery query) => query with
    {
        Predicates = [.. query.Predicates.Select(Fold)],
        Controls = [.. query.Controls.Select(static control => control is IrDistinct distinct ? new IrDistinct([.. distinct.Fields.Select(Fold)]) : control)],
        Sink = query.Sink switch
        {
            IrCountHits hits => hits,
            IrAggregate aggregate => aggregate with
            {
                Value = aggregate.Value is null ? null : Fold(aggregate.Value),
                Key = aggregate.Key is null ? null : Fold(aggregate.Key),
                Kept = aggregate.Kept is { } kept ? kept with { By = Fold(kept.By) } : null,
            },
            IrEmit emit => new IrEmit([.. emit.Fields.Select(Fold)]),
            IrEmitExtremum extremum => extremum with { Value = Fold(extremum.Value) },
            _ => throw IrNodes.Unknown(query.Sink),
        },
    };

    internal static IrExpression Fold(IrExpression expression) => expression switch
    {
        IrNot not => Fold(not.Operand) switch
        {
            IrConstant constant => constant.Value == 0 ? True : False,
            IrNot inner => inner.Operand,
            var operand => new IrNot(operand),
        },
        IrLogic logic => Logic(logic.Operator, Fold(logic.Left), Fold(logic.Right)),
        IrCompare compare => Compare(compare.Operator, Fold(compare.Left), Fold(compare.Right)),
        IrTuple tuple => new IrTuple([.. tuple.Items.Select(Fold)]),
        _ => expression,
    };

    private static IrExpression Logic(LogicOperator op, IrExpression left, IrExpression right)
    {
        var decisive = op == LogicOperator.And ? 0 : 1;
        if (left is IrConstant l)
            return (l.Value != 0 ? 1 : 0) == decisive ? l : right;
        if (right is IrConstant r)
            return (r.Value != 0 ? 1 : 0) == decisive ? r : left;
        return new IrLogic(op, left, right);
    }

    private static IrExpression Compare(CompareOperator op, IrExpression left, IrExpression right)
    {
        if (left is not IrConstant l)
            return new IrCompare(op, left, right);
        if (right is not IrConstant r)
            return new IrCompare(Mirror(op), right, left);
        var holds = op switch
        {
            CompareOperator.Equal => l.Value == r.Value,
            CompareOperator.NotEqual => l.Value != r.Value,
            CompareOperator.Less => l.Value < r.Value,
            CompareOperator.LessOrEqual => l.Value <= r.Value,
            CompareOperator.Greater => l.Value > r.Value,
            CompareOperator.GreaterOrEqual => l.Value >= r.Value,
            _ => throw IrNodes.Unknown(op),
        };
        return holds ? True : False;
    }

    /// <summary>The operator for swapped operands: constants go to the right, where an instruction can hold them.</summary>
    private static CompareOperator Mirror(CompareOperator op) => op switch
    {
        CompareOperator.Less => CompareOperator.Greater,
        CompareOperator.LessOrEqual => CompareOperator.GreaterOrEqual,
        CompareOperator.Greater => CompareOperator.Less,
        CompareOperator.GreaterOrEqual => CompareOperator.LessOrEqual,
        _ => op,
    };
}
