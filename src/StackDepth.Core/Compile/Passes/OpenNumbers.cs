using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// The least and the greatest value of a number that is computed from depths of incomplete stacks. Where it only grows, or only falls, with them, their least values settle one of its
/// bounds, and the other is open; elsewhere both are.
/// </summary>
internal sealed class OpenNumbers(CompileTarget target)
{
    private enum Trend
    {
        /// <summary>It does not depend on an incomplete stack.</summary>
        Fixed,
        Growing,
        Falling,
        Unknown,
    }

    internal bool IsOpen(IrExpression number) => number.Any(IsBounded);

    internal IrExpression Least(IrExpression number) => Bound(number, greatest: false);

    internal IrExpression Greatest(IrExpression number) => Bound(number, greatest: true);

    private bool IsBounded(IrExpression expression) => expression is IrStackLength or IrStackCountOf or IrStackBytes && target.IsBounded(((IrStackValue)expression).Stack);

    private IrExpression Bound(IrExpression number, bool greatest)
    {
        if (IsBounded(number))
            return Leaf(number, greatest);
        var trend = TrendOf(number);
        if (trend == Trend.Fixed)
            return number;
        // A growing number has its least value where the depths have theirs, a falling one its greatest.
        if (trend == (greatest ? Trend.Falling : Trend.Growing))
            return AtLeast(number);
        var type = number.Type == IrType.UInt64 ? IrType.UInt64 : IrType.Int64;
        var unbounded = new IrConstant((type, greatest) switch
        {
            (IrType.UInt64, true) => -1,
            (IrType.UInt64, false) => 0,
            (_, true) => long.MaxValue,
            _ => long.MinValue,
        }, type);
        return new IrIf(AllComplete(number), number, unbounded);
    }

    private static IrStackBound Leaf(IrExpression leaf, bool greatest) =>
        new(((IrStackValue)leaf).Stack, greatest, (leaf as IrStackCountOf)?.Functions, leaf is IrStackBytes { Free: true });

    /// <summary>The number at the least values of the depths, in 64 bits: the trend is known only where nothing wraps.</summary>
    private IrExpression AtLeast(IrExpression number) => number switch
    {
        _ when IsBounded(number) => Leaf(number, greatest: false),
        _ when !IsOpen(number) => number,
        IrConvert convert => new IrConvert(AtLeast(convert.Operand), Wide(convert.Type)),
        // The count is taken modulo the width of the type that it had.
        IrArithmetic { Operator: ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight, Right: IrConstant count } shift => new IrArithmetic(
            shift.Operator, AtLeast(shift.Left), new IrConstant(IrNumbers.ShiftCount(shift.Type, count.Value), IrType.Int32), Wide(shift.Type)),
        IrArithmetic arithmetic => new IrArithmetic(arithmetic.Operator, AtLeast(arithmetic.Left), AtLeast(arithmetic.Right), Wide(arithmetic.Type)),
        _ => number.Map(AtLeast),
    };

    private static IrType Wide(IrType type) => type == IrType.UInt64 ? type : IrType.Int64;

    private IrExpression AllComplete(IrExpression number)
    {
        List<IrStack> stacks = [];
        number.Any(part =>
        {
            if (IsBounded(part) && part is IrStackValue { Stack: var stack } && !stacks.Contains(stack))
                stacks.Add(stack);
            return false;
        });
        return stacks.Select(static IrExpression (stack) => new IrCompare(CompareOperator.Equal, new IrStackCompleteness(stack), new IrConstant((int)Completeness.Complete, IrType.Completeness)))
            .Aggregate(static (all, one) => new IrLogic(LogicOperator.And, all, one));
    }

    private Trend TrendOf(IrExpression number)
    {
        if (IsBounded(number))
            return Trend.Growing;
        if (!IsOpen(number))
            return Trend.Fixed;
        if (number is IrArithmetic or IrUnary or IrConvert && NumberRanges.CanWrap(number))
            return Trend.Unknown;
        return number switch
        {
            IrConvert convert => TrendOf(convert.Operand),
            IrUnary { Operator: UnaryOperator.Negate or UnaryOperator.Complement } unary => Opposite(TrendOf(unary.Operand)),
            IrArithmetic { Operator: ArithmeticOperator.Add or ArithmeticOperator.Minimum or ArithmeticOperator.Maximum } both => Together(TrendOf(both.Left), TrendOf(both.Right)),
            IrArithmetic { Operator: ArithmeticOperator.Subtract } difference => Together(TrendOf(difference.Left), Opposite(TrendOf(difference.Right))),
            IrArithmetic { Operator: ArithmeticOperator.Multiply, Right: IrConstant { Value: < 0 } } negative => Opposite(TrendOf(negative.Left)),
            IrArithmetic { Operator: ArithmeticOperator.Multiply or ArithmeticOperator.Divide, Right: IrConstant { Value: > 0 } } positive => TrendOf(positive.Left),
            IrArithmetic { Operator: ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight, Right: IrConstant } shift => TrendOf(shift.Left),
            _ => Trend.Unknown,
        };
    }

    private static Trend Together(Trend left, Trend right) => left == Trend.Fixed || left == right ? right : right == Trend.Fixed ? left : Trend.Unknown;

    private static Trend Opposite(Trend trend) => trend switch
    {
        Trend.Growing => Trend.Falling,
        Trend.Falling => Trend.Growing,
        _ => trend,
    };
}
