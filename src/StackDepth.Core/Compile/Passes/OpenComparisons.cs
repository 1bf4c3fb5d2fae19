using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// What a condition says when the depth of an incomplete stack is only bounded: in Kleene's three-valued logic it holds surely, or possibly, or not. Both questions have plain
/// two-valued answers over <see cref="IrStackBound"/>. Depths that the kernel walked are compared as they are: see docs/semantics.md.
/// </summary>
internal sealed class OpenComparisons(CompileTarget target)
{
    private readonly OpenNumbers _numbers = new(target);

    /// <summary>Whether there can be a hit for which the stacks leave it open if <paramref name="condition"/> holds.</summary>
    internal bool CanBeOpen(IrExpression condition) => condition switch
    {
        { Type: not IrType.Boolean } => false,
        IrCompare { Left.Type: IrType.Boolean } same => CanBeOpen(same.Left) || CanBeOpen(same.Right),
        IrCompare compare => _numbers.IsOpen(compare.Left) || _numbers.IsOpen(compare.Right),
        IrIsIn set => _numbers.IsOpen(set.Operand),
        IrIf choice => CanBeOpen(choice.Test) || CanBeOpen(choice.Then) || CanBeOpen(choice.Otherwise),
        IrLogic logic => CanBeOpen(logic.Left) || CanBeOpen(logic.Right),
        IrNot not => CanBeOpen(not.Operand),
        _ => false,
    };

    /// <summary>Holds where <paramref name="condition"/> holds whatever the true depths are.</summary>
    internal IrExpression Surely(IrExpression condition) => condition switch
    {
        _ when !CanBeOpen(condition) => condition,
        IrNot not => Not(Possibly(not.Operand)),
        IrIf choice => Surely(Choice(choice)),
        IrIsIn set => Surely(AnyOf(set)),
        IrLogic logic => new IrLogic(logic.Operator, Surely(logic.Left), Surely(logic.Right)),
        IrCompare { Left.Type: IrType.Boolean } compare => SurelySame(compare),
        IrCompare compare => compare.Operator switch
        {
            CompareOperator.Less or CompareOperator.LessOrEqual => new IrCompare(compare.Operator, _numbers.Greatest(compare.Left), _numbers.Least(compare.Right)),
            CompareOperator.Greater or CompareOperator.GreaterOrEqual => new IrCompare(compare.Operator, _numbers.Least(compare.Left), _numbers.Greatest(compare.Right)),
            CompareOperator.Equal => And(
                new IrCompare(CompareOperator.GreaterOrEqual, _numbers.Least(compare.Left), _numbers.Greatest(compare.Right)), new IrCompare(CompareOperator.LessOrEqual, _numbers.Greatest(compare.Left), _numbers.Least(compare.Right))),
            CompareOperator.NotEqual => Not(Possibly(compare with { Operator = CompareOperator.Equal })),
            _ => throw IrNodes.Unknown(compare.Operator),
        },
        _ => throw IrNodes.Unknown(condition),
    };

    /// <summary>Holds unless <paramref name="condition"/> fails whatever the true depths are.</summary>
    internal IrExpression Possibly(IrExpression condition) => condition switch
    {
        _ when !CanBeOpen(condition) => condition,
        IrNot not => Not(Surely(not.Operand)),
        IrIf choice => Possibly(Choice(choice)),
        IrIsIn set => Possibly(AnyOf(set)),
        IrLogic logic => new IrLogic(logic.Operator, Possibly(logic.Left), Possibly(logic.Right)),
        IrCompare { Left.Type: IrType.Boolean } compare => Not(SurelySame(compare with { Operator = compare.Operator == CompareOperator.Equal ? CompareOperator.NotEqual : CompareOperator.Equal })),
        IrCompare compare => compare.Operator switch
        {
            CompareOperator.Less or CompareOperator.LessOrEqual => new IrCompare(compare.Operator, _numbers.Least(compare.Left), _numbers.Greatest(compare.Right)),
            CompareOperator.Greater or CompareOperator.GreaterOrEqual => new IrCompare(compare.Operator, _numbers.Greatest(compare.Left), _numbers.Least(compare.Right)),
            CompareOperator.Equal => And(
                new IrCompare(CompareOperator.GreaterOrEqual, _numbers.Greatest(compare.Left), _numbers.Least(compare.Right)), new IrCompare(CompareOperator.LessOrEqual, _numbers.Least(compare.Left), _numbers.Greatest(compare.Right))),
            CompareOperator.NotEqual => Not(Surely(compare with { Operator = CompareOperator.Equal })),
            _ => throw IrNodes.Unknown(compare.Operator),
        },
        _ => throw IrNodes.Unknown(condition),
    };

    /// <summary>
    /// Holds where the stacks do not leave <paramref name="value"/> open: then its plain value is its true one. That is so of a truth value that they do not leave open, and of a number that
    /// no open truth value chooses; a depth itself is delivered as counted. Null where it always is so.
    /// </summary>
    internal IrExpression? Settled(IrExpression value)
    {
        if (value.Type == IrType.Boolean)
            return CanBeOpen(value) ? new IrLogic(LogicOperator.Or, Surely(value), Not(Possibly(value))) : null;
        if (value is not IrIf choice)
            return value.Operands.ToArray().Select(Settled).Aggregate((IrExpression?)null, Both);
        var (then, otherwise) = (Settled(choice.Then), Settled(choice.Otherwise));
        IrExpression? chosen = (then, otherwise) switch
        {
            (null, null) => null,
            (null, _) => new IrLogic(LogicOperator.Or, choice.Test, otherwise),
            (_, null) => new IrLogic(LogicOperator.Or, Not(choice.Test), then),
            _ => new IrIf(choice.Test, then, otherwise),
        };
        return Both(Settled(choice.Test), chosen);
    }

    private static IrExpression? Both(IrExpression? left, IrExpression? right) => left is null ? right : right is null ? left : And(left, right);

    /// <summary>Two truth values that are surely equal, or surely not.</summary>
    private IrLogic SurelySame(IrCompare compare)
    {
        var (left, right) = (compare.Left, compare.Right);
        var (yes, no) = compare.Operator == CompareOperator.Equal ? (Surely(right), Not(Possibly(right))) : (Not(Possibly(right)), Surely(right));
        return new(LogicOperator.Or, And(Surely(left), yes), And(Not(Possibly(left)), no));
    }

    /// <summary>Both cases, each behind the test: the logic of the parts is then that of the whole.</summary>
    private static IrLogic Choice(IrIf choice) => new(LogicOperator.Or, And(choice.Test, choice.Then), And(Not(choice.Test), choice.Otherwise));

    private static IrExpression AnyOf(IrIsIn set) => set.Values.Select(IrExpression (value) => new IrCompare(CompareOperator.Equal, set.Operand, new IrConstant(value, set.Operand.Type)))
        .Aggregate(static (any, one) => new IrLogic(LogicOperator.Or, any, one));

    private static IrLogic And(IrExpression left, IrExpression right) => new(LogicOperator.And, left, right);

    private static IrExpression Not(IrExpression operand) => operand is IrNot not ? not.Operand : new IrNot(operand);
}
