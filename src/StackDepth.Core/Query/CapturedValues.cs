using System.Runtime.CompilerServices;
using StackDepth.Ir;

namespace StackDepth;

/// <summary>
/// Remembers which lambda each expression of a query came from. A lambda runs once, when the query is built, so what it captures counts as it was then; where that has changed by the time the probes are to be attached,
/// the query may no longer ask what its author reads in it.
/// </summary>
internal static class CapturedValues
{
    private static readonly ConditionalWeakTable<IrExpression, Lambda> s_lambdas = [];

    /// <summary>The expression of a lambda, remembered.</summary>
    /// <param name="context">What the lambda is given.</param>
    /// <param name="lambda">The lambda.</param>
    /// <param name="method">The method of the query that it is an argument of.</param>
    internal static IrExpression Node<TContext, T>(this TContext context, Func<TContext, Expr<T>> lambda, [CallerMemberName] string method = "") =>
        Remember(lambda(context).Node, () => lambda(context).Node, method);

    /// <summary>One of the expressions of a lambda, remembered.</summary>
    /// <param name="node">The expression.</param>
    /// <param name="again">Builds it anew.</param>
    /// <param name="method">The method of the query that the lambda is an argument of.</param>
    internal static IrExpression Remember(IrExpression node, Func<IrExpression> again, [CallerMemberName] string method = "")
    {
        // A copy: the same expression can be in several queries.
        var own = node with { };
        s_lambdas.Add(own, new(method, again));
        return own;
    }

    /// <exception cref="ProbeQueryException">A lambda would give another expression now.</exception>
    internal static void Check(IrQuery query)
    {
        foreach (var branch in query.Branches)
        {
            foreach (var expression in branch.Expressions)
                Check(expression);
        }
    }

    private static void Check(IrExpression expression)
    {
        if (s_lambdas.TryGetValue(expression, out var lambda) && lambda.Again() is var now && now != expression)
        {
            throw new ProbeQueryException(
                $"{lambda.Method} was given a lambda that captures a value, and the value has changed since the query was built: it was {IrPrinter.Print(expression)}, and would be {IrPrinter.Print(now)} now. "
                + "A query keeps the values that it was built with. Build it again for the new one; or give the lambda a variable of its own (var limit = current; ... s => s.UStack.Length > limit) to keep the old one.");
        }
        foreach (var operand in expression.Operands)
            Check(operand);
    }

    private sealed record Lambda(string Method, Func<IrExpression> Again);
}
