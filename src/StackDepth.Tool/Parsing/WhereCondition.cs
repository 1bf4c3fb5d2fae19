namespace StackDepth.Tool.Parsing;

/// <summary>What a condition looks at.</summary>
internal enum WhereField
{
    Pid,
    Tid,
    Comm,
}

/// <summary>How it compares.</summary>
internal enum WhereOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// <summary>One comparison of <c>--where</c>.</summary>
/// <param name="Field">What is compared.</param>
/// <param name="Operator">How.</param>
/// <param name="Text">With what, when <paramref name="Field"/> is a text; else empty.</param>
/// <param name="Number">With what, when it is a number; else 0.</param>
internal sealed record WhereCondition(WhereField Field, WhereOperator Operator, string Text, int Number)
{
    /// <summary>The condition as the library builds it into the query.</summary>
    internal Expr<bool> ToExpression(ProbeContext context) => Field switch
    {
        WhereField.Comm => Operator is WhereOperator.Equal ? context.Comm == Text : context.Comm != Text,
        WhereField.Pid => Compare(context.Pid, Number),
        _ => Compare(context.Tid, Number),
    };

    private Expr<bool> Compare(Expr<int> field, Expr<int> number) => Operator switch
    {
        WhereOperator.Equal => field == number,
        WhereOperator.NotEqual => field != number,
        WhereOperator.Less => field < number,
        WhereOperator.LessOrEqual => field <= number,
        WhereOperator.Greater => field > number,
        _ => field >= number,
    };
}
