using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// What a condition says when the depth of an incomplete stack is only bounded: in Kleene's three-valued logic it holds surely, or possibly, or not. Both questions have plain
/// two-valued answers over <see cref="IrStackBound"/>. Depths that the kernel walked are compared as they are: see docs/semantics.md.
/// </summary>
internal sealed class OpenComparisons(CompileTarget target)
{
    /// <summary>Whether there can be a hit for which the stacks leave it open if <paramref name="condition"/> holds.</summary>
    internal bool CanBeOpen(IrExpression condition) => condition switch
    {
        { Type: not IrType.Boolean } => false,
        IrCompare compare => IsBounded(compare.Left) || IsBounded(compare.Right) || CanBeOpen(compare.Left) || CanBeOpen(compare.Right),
        IrLogic logic => CanBeOpen(logic.Left) || CanBeOpen(logic.Right),
        IrNot not => CanBeOpen(not.Operand),
        _ => false,
    };

    /// <summary>Holds where <paramref name="condition"/> holds whatever the true depths are.</summary>
    internal IrExpression Surely(IrExpression condition) => condition switch
    {
        _ when !CanBeOpen(condition) => condition,
        IrNot not => Not(Possibly(not.Operand)),
        IrLogic logic => new IrLogic(logic.Operator, Surely(logic.Left), Surely(logic.Right)),
        IrCompare { Left.Type: IrType.Boolean } compare => SurelySame(compare),
        IrCompare compare => compare.Operator switch
        {
            CompareOperator.Less or CompareOperator.LessOrEqual => new IrCompare(compare.Operator, Greatest(compare.Left), Least(compare.Right)),
            CompareOperator.Greater or CompareOperator.GreaterOrEqual => new IrCompare(compare.Operator, Least(compare.Left), Greatest(compare.Right)),
            CompareOperator.Equal => And(
                new IrCompare(CompareOperator.GreaterOrEqual, Least(compare.Left), Greatest(compare.Right)), new IrCompare(CompareOperator.LessOrEqual, Greatest(compare.Left), Least(compare.Right))),
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
        IrLogic logic => new IrLogic(logic.Operator, Possibly(logic.Left), Possibly(logic.Right)),
        IrCompare { Left.Type: IrType.Boolean } compare => Not(SurelySame(compare with { Operator = compare.Operator == CompareOperator.Equal ? CompareOperator.NotEqual : CompareOperator.Equal })),
        IrCompare compare => compare.Operator switch
        {
            CompareOperator.Less or CompareOperator.LessOrEqual => new IrCompare(compare.Operator, Least(compare.Left), Greatest(compare.Right)),
            CompareOperator.Greater or CompareOperator.GreaterOrEqual => new IrCompare(compare.Operator, Greatest(compare.Left), Least(compare.Right)),
            CompareOperator.Equal => And(
                new IrCompare(CompareOperator.GreaterOrEqual, Greatest(compare.Left), Least(compare.Right)), new IrCompare(CompareOperator.LessOrEqual, Least(compare.Left), Greatest(compare.Right))),
            CompareOperator.NotEqual => Not(Surely(compare with { Operator = CompareOperator.Equal })),
            _ => throw IrNodes.Unknown(compare.Operator),
        },
        _ => throw IrNodes.Unknown(condition),
    };

    /// <summary>Holds where the stacks do not leave it open if <paramref name="condition"/> holds: then its plain value is its true one.</summary>
    internal IrExpression Settled(IrExpression condition) => new IrLogic(LogicOperator.Or, Surely(condition), Not(Possibly(condition)));

    /// <summary>Two truth values that are surely equal, or surely not.</summary>
    private IrLogic SurelySame(IrCompare compare)
    {
        var (left, right) = (compare.Left, compare.Right);
        var (yes, no) = compare.Operator == CompareOperator.Equal ? (Surely(right), Not(Possibly(right))) : (Not(Possibly(right)), Surely(right));
        return new(LogicOperator.Or, And(Surely(left), yes), And(Not(Possibly(left)), no));
    }

    private bool IsBounded(IrExpression expression) => expression is IrStackLength or IrStackCountOf or IrStackBytes && target.IsBounded(((IrStackValue)expression).Stack);

    private IrExpression Least(IrExpression expression) => Bound(expression, greatest: false);

    private IrExpression Greatest(IrExpression expression) => Bound(expression, greatest: true);

    private IrExpression Bound(IrExpression expression, bool greatest) => !IsBounded(expression) ? expression
        : new IrStackBound(((IrStackValue)expression).Stack, greatest, (expression as IrStackCountOf)?.Functions, expression is IrStackBytes { Free: true });

    private static IrLogic And(IrExpression left, IrExpression right) => new(LogicOperator.And, left, right);

    private static IrExpression Not(IrExpression operand) => operand is IrNot not ? not.Operand : new IrNot(operand);
}
