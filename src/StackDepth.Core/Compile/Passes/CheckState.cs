using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>Refuses, with a sentence, what only all probes of a query together show: variables that nobody sets, or that are two, and probes that do nothing.</summary>
internal static class CheckState
{
    internal static void Run(ImmutableArray<IrQuery> branches)
    {
        if (branches is [{ Sink: not IrDiscard } single] && !single.Expressions.Any(static expression => expression.Any(static node => node is IrState or IrAssign)))
            return;
        foreach (var branch in branches)
        {
            if (branch.Sink is IrDiscard && branch.Predicates.IsEmpty)
                throw new ProbeQueryException($"{branch.Probe} is silent and changes no variable, so it does nothing: Set one there, or leave the probe, or Silent(), out.");
        }
        if (branches.All(static branch => branch.Sink is IrDiscard))
            throw new ProbeQueryException("All probes of the query are silent, so there is no result: leave Silent() out where hits are to be in it.");
        Dictionary<string, IrVariable> variables = new(StringComparer.Ordinal);
        HashSet<IrVariable> assigned = [];
        foreach (var expression in branches.SelectMany(static branch => branch.Expressions))
            expression.Any(Learn);
        foreach (var expression in branches.SelectMany(static branch => branch.Expressions))
            expression.Any(Check);

        bool Learn(IrExpression node)
        {
            if ((node is IrState state ? state.Place : (node as IrAssign)?.Place)?.Variable is not { } variable)
                return false;
            if (!variables.TryAdd(variable.Name, variable) && variables[variable.Name] is var other && other != variable)
                throw new ProbeQueryException($"The query has two variables that are called \"{variable.Name}\", {Describe(other)} and {Describe(variable)}: give one of them another name.");
            if (node is IrAssign { Kind: not AssignmentKind.Clear })
                assigned.Add(variable);
            return false;
        }

        bool Check(IrExpression node) => node is IrState { Place.Variable: var variable } && !assigned.Contains(variable)
            ? throw new ProbeQueryException($"No probe of the query sets the variable \"{variable.Name}\", so it never has a value: join the probe that sets it by Probe.Any, and Set it there.")
            : false;
    }

    private static string Describe(IrVariable variable) =>
        $"one of {variable.Type} {(variable.IsPerThread ? "of each thread" : $"by {string.Join(" and ", variable.KeyTypes)}")}";
}
