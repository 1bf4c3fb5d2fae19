using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Leaves a stack's walk unnamed where it is the one that the target has anyway, so that each stack has one name: what is the same stack by the same walk is captured once.
/// </summary>
internal static class NameWalks
{
    internal static IrQuery Run(IrQuery query, CompileTarget target)
    {
        return query with
        {
            Predicates = [.. query.Predicates.Select(Name)],
            Controls = [.. query.Controls.Select(control => control is IrDistinct distinct ? new IrDistinct([.. distinct.Fields.Select(Name)]) : control)],
            Sink = query.Sink switch
            {
                IrCountHits or IrDiscard => query.Sink,
                IrAggregate aggregate => aggregate with
                {
                    Value = aggregate.Value is null ? null : Name(aggregate.Value),
                    Key = aggregate.Key is null ? null : Name(aggregate.Key),
                    Kept = aggregate.Kept is { } kept ? kept with { By = Name(kept.By), Stack = NameStack(kept.Stack), Key = kept.Key is null ? null : Name(kept.Key) } : null,
                },
                IrEmit emit => new IrEmit([.. emit.Fields.Select(Name)]),
                IrEmitExtremum extremum => extremum with { Value = Name(extremum.Value) },
                _ => throw IrNodes.Unknown(query.Sink),
            },
        };

        IrExpression Name(IrExpression expression) => expression switch
        {
            IrStackValue value => value with { Stack = NameStack(value.Stack) },
            _ => expression.Map(Name),
        };

        IrStack NameStack(IrStack stack)
        {
            if (stack.Frames is not null)
                stack = target.FramesOf(stack);
            return stack.Walk is { } walk && (walk == target.Walk || stack.Kind == StackKind.Kernel) ? stack with { Walk = null } : stack;
        }
    }
}
