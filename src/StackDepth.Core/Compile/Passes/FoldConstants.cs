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
            IrCountHits or IrDiscard => query.Sink,
            IrAggregate aggregate => aggregate with
            {
                Value = aggregate.Value is null ? null : Fold(aggregate.Value),
                Key = aggregate.Key is null ? null : Fold(aggregate.Key),
                Kept = aggregate.Kept is { } kept ? kept with { By = Fold(kept.By), Key = kept.Key is null ? null : Fold(kept.Key) } : null,
            },
            IrEmit emit => new IrEmit([.. emit.Fields.Select(Fold)]),
            IrEmitExtremum extremum => extremum with { Value = Fold(extremum.Value) },
            _ => throw IrNodes.Unknown(query.Sink),
        },
    };

    internal static IrExpression Fold(IrExpression expression) => expression switch
    {
        IrNot not => Not(Fold(not.Operand)),
        IrLogic logic => Logic(logic.Operator, Fold(logic.Left), Fold(logic.Right)),
        IrCompare compare => Compare(compare.Operator, Fold(compare.Left), Fold(compare.Right)),
        IrArithmetic arithmetic => Arithmetic(arithmetic, Fold(arithmetic.Left), Fold(arithmetic.Right)),
        IrUnary unary => Fold(unary.Operand) is var operand && operand is IrConstant constant ? new IrConstant(IrNumbers.Apply(unary.Operator, unary.Type, constant.Value), unary.Type) : new IrUnary(unary.Operator, operand),
        IrConvert convert => Convert(convert, Fold(convert.Operand)),
        IrIf choice => If(Fold(choice.Test), choice),
        IrIsIn set => IsIn(set, Fold(set.Operand)),
        IrStartsWith { Prefix: "" } => True,
        _ => expression.Map(Fold),
    };

    private static IrExpression Arithmetic(IrArithmetic arithmetic, IrExpression left, IrExpression right)
    {
        if (left is IrConstant l && right is IrConstant r)
            return new IrConstant(IrNumbers.Apply(arithmetic.Operator, arithmetic.Type, l.Value, r.Value), arithmetic.Type);
        if (left is IrConstant && arithmetic.Operator is not (ArithmeticOperator.Subtract or ArithmeticOperator.Divide or ArithmeticOperator.Modulo or ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight))
            (left, right) = (right, left);
        if (right is IrConstant constant && IsNeutral(arithmetic.Operator, arithmetic.Type, constant.Value))
            return left;
        return new IrArithmetic(arithmetic.Operator, left, right, arithmetic.Type);
    }

    /// <summary>Whether the operation answers its left operand, whatever that is.</summary>
    private static bool IsNeutral(ArithmeticOperator op, IrType type, long right) => op switch
    {
        ArithmeticOperator.Add or ArithmeticOperator.Subtract or ArithmeticOperator.Or or ArithmeticOperator.Xor => right == 0,
        ArithmeticOperator.Multiply or ArithmeticOperator.Divide => right == 1,
        ArithmeticOperator.And => right == IrNumbers.Wrap(type, -1),
        ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight => IrNumbers.ShiftCount(type, right) == 0,
        _ => false,
    };

    private static IrExpression Convert(IrConvert convert, IrExpression operand) =>
        operand is IrConstant constant ? new IrConstant(IrNumbers.Wrap(convert.Type, constant.Value), convert.Type)
        : operand.Type == convert.Type ? operand
        : new IrConvert(operand, convert.Type);

    private static IrExpression IsIn(IrIsIn set, IrExpression operand) =>
        operand is IrConstant constant ? (set.Values.Contains(constant.Value) ? True : False)
        : set.Values is [] ? False
        : set.Values is [var only] ? new IrCompare(CompareOperator.Equal, operand, new IrConstant(only, operand.Type))
        : new IrIsIn(operand, set.Values);

    private static IrExpression Not(IrExpression operand) => operand switch
    {
        IrConstant constant => constant.Value == 0 ? True : False,
        IrNot inner => inner.Operand,
        _ => new IrNot(operand),
    };

    /// <summary>A truth value that is known in one of the cases makes a condition of the other: the lowering relies on it that a condition can hold, and can fail.</summary>
    private static IrExpression If(IrExpression test, IrIf choice)
    {
        if (test is IrConstant constant)
            return Fold(constant.Value != 0 ? choice.Then : choice.Otherwise);
        var (then, otherwise) = (Fold(choice.Then), Fold(choice.Otherwise));
        return choice.Type != IrType.Boolean ? new IrIf(test, then, otherwise)
            : then is IrConstant known ? (known.Value != 0 ? Logic(LogicOperator.Or, test, otherwise) : Logic(LogicOperator.And, Not(test), otherwise))
            : otherwise is IrConstant other ? (other.Value != 0 ? Logic(LogicOperator.Or, Not(test), then) : Logic(LogicOperator.And, test, then))
            : new IrIf(test, then, otherwise);
    }

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
        return IrNumbers.Holds(op, l.Type, l.Value, r.Value) ? True : False;
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
