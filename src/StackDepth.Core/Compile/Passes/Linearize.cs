using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Turns the query into steps: the process filter, then each predicate, then the sink. A context field is loaded, and a stack captured, once, right before the first step
/// that needs it; hits are counted when the last predicate has passed.
/// </summary>
internal static class Linearize
{
    internal static IrProgram Run(IrQuery query, CompileTarget target)
    {
        var steps = ImmutableArray.CreateBuilder<IrStatement>();
        HashSet<ContextField> loaded = [];
        HashSet<StackKind> captured = [];

        steps.Add(new FilterProcess(target.Scope));
        foreach (var predicate in query.Predicates)
        {
            Require(predicate);
            steps.Add(new Guard(predicate));
        }
        // A hit counts when it has passed all predicates; a stack that the sink needs comes after that, so that its failure is a failure of a hit.
        steps.Add(new CountHit());
        foreach (var expression in SinkExpressions(query.Sink))
            Require(expression);
        steps.Add(new Deliver(query.Sink));
        return new(query.Probe, steps.ToImmutable());

        void Require(IrExpression expression)
        {
            expression.Any(node =>
            {
                if (node is IrContext context && loaded.Add(context.Field))
                    steps.Add(new LoadContext(context.Field));
                return false;
            });
            expression.Any(node =>
            {
                if (Stack(node) is { } stack && captured.Add(stack))
                    steps.Add(new Capture(stack, target.Walk));
                return false;
            });
        }
    }

    private static StackKind? Stack(IrExpression node) => node switch
    {
        IrStackLength length => length.Stack,
        IrStackTruncated truncated => truncated.Stack,
        _ => null,
    };

    private static IEnumerable<IrExpression> SinkExpressions(IrSink sink) => sink switch
    {
        IrCountHits => [],
        IrAggregate aggregate => new[] { aggregate.Key, aggregate.Value }.OfType<IrExpression>(),
        IrEmit emit => emit.Fields,
        IrEmitExtremum extremum => [extremum.Value],
        _ => throw IrNodes.Unknown(sink),
    };
}
