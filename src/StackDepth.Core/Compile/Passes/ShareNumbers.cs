using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Has numbers that are used more than once computed once, right before the first step that uses them. Numbers have no effects and no errors, so it does not matter that one is then
/// computed also where a condition would have spared it.
/// </summary>
internal static class ShareNumbers
{
    /// <summary>So much of the BPF stack is left to all else.</summary>
    private const int Most = 8;

    internal static IrProgram Run(IrProgram program)
    {
        Dictionary<IrExpression, int> uses = [];
        foreach (var statement in program.Statements)
        {
            foreach (var (expression, count) in Uses(statement))
                Count(expression, count, uses);
        }
        if (uses.Count == 0)
            return program;
        HashSet<IrExpression> shared = [.. uses.Where(static use => use.Value > 1).Select(static use => use.Key).Take(Most)];
        if (shared.Count == 0)
            return program;
        var steps = ImmutableArray.CreateBuilder<IrStatement>();
        foreach (var statement in program.Statements)
        {
            foreach (var expression in statement.Expressions)
                Place(expression, shared, steps);
            steps.Add(statement);
        }
        return program with { Statements = steps.ToImmutable() };
    }

    /// <summary>What a step computes, and how often.</summary>
    private static IEnumerable<(IrExpression Expression, int Count)> Uses(IrStatement statement)
    {
        if (statement is not Deliver { Sink: IrAggregate aggregate })
            return statement.Expressions.Select(expression => (expression, statement is Deliver { Sink: IrEmitExtremum } ? 2 : 1));
        List<(IrExpression Expression, int Count)> uses = [];
        if (aggregate.Key is { } key)
            uses.Add((key, 1));
        if (aggregate.Value is { } value)
            uses.Add((value, int.PopCount((int)(aggregate.Parts & ~AggregateParts.Count))));
        if (aggregate.Kept is { } kept)
            uses.Add((kept.By, 2));
        if (aggregate.Kept?.Key is { } keptKey)
            uses.Add((keptKey, 1));
        return uses;
    }

    private static void Count(IrExpression expression, int times, Dictionary<IrExpression, int> uses)
    {
        // The key of a variable is computed where the variable is read, and not where what was found is used.
        if (times == 0 || expression is IrState)
            return;
        if (expression is IrTuple tuple)
        {
            foreach (var item in tuple.Items)
                Count(item, times, uses);
            return;
        }
        if (IsWorthIt(expression))
        {
            uses[expression] = uses.GetValueOrDefault(expression) + times;
            // The parts of what is computed once are computed once.
            if (uses[expression] > times)
                return;
            times = 1;
        }
        foreach (var operand in expression.Operands)
            Count(operand, times, uses);
    }

    private static void Place(IrExpression expression, HashSet<IrExpression> shared, ImmutableArray<IrStatement>.Builder steps)
    {
        foreach (var operand in expression.Operands)
            Place(operand, shared, steps);
        if (shared.Remove(expression))
            steps.Add(new Compute(expression));
    }

    private static bool IsWorthIt(IrExpression expression) => expression is IrArithmetic or IrUnary or IrConvert { IsFree: false } or IrIf { Type: not IrType.Boolean };
}
