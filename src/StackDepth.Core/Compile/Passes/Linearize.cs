using System.Collections.Immutable;
using StackDepth.Compile.Lowering;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Turns the query into steps: the process filter, then each predicate, then the sink. A context field is loaded, and a stack captured, once, right before the first step
/// that needs it; hits are counted when the last predicate has passed. A predicate that an incomplete stack can leave open ends the hit where it is when it surely fails; if all of
/// them surely hold is asked once, at the end, so that what surely fails is never counted as undecided. Recursion comes before all predicates: an activation counts for those within it,
/// whether or not its own hit passes.
/// </summary>
internal static class Linearize
{
    internal static IrProgram Run(IrQuery query, CompileTarget target)
    {
        var steps = ImmutableArray.CreateBuilder<IrStatement>();
        HashSet<ContextField> loaded = [];
        HashSet<IrStack> captured = [];
        HashSet<string> fetched = [];
        HashSet<IrMemoryText> read = [];
        HashSet<IrInCgroup> asked = [];
        List<IrExpression> open = [];
        var comparisons = new OpenComparisons(target);
        var state = new StateReads(query);

        steps.Add(new FilterProcess(target.Scope));
        var takesTime = CompileTarget.TakesTime(query);
        if (query.Probe.IsReturn && target.Session is not null)
            steps.Add(new AtEntry(takesTime));
        // Before all else, whose own time is not the function's.
        if (takesTime)
            steps.Add(new LoadContext(ContextField.Elapsed));
        loaded.Add(ContextField.Elapsed);
        if (CompileTarget.CountsActivations(query))
            Add(new(StackKind.Recursion));
        foreach (var written in query.Predicates)
        {
            var predicate = state.Version(written);
            Require(predicate);
            if (predicate is IrAssign assign)
            {
                DecideOpen();
                foreach (var operand in assign.Operands)
                    Settle(operand);
                steps.Add(new Assign(assign));
                state.Passed(assign);
                continue;
            }
            if (comparisons.CanBeOpen(predicate))
                open.Add(predicate);
            steps.Add(new Guard(comparisons.Possibly(predicate)));
        }
        DecideOpen();
        if (query.Sink is IrDiscard)
        {
            steps.Add(new Deliver(query.Sink));
            return ShareNumbers.Run(new(query.Probe, steps.ToImmutable()));
        }
        // A hit counts when it has passed all predicates; a stack that the sink needs comes after that, so that its failure is a failure of a hit.
        steps.Add(new CountHit());
        var control = 0;
        for (; control < query.Controls.Length && query.Controls[control].ChoosesHits; control++)
            steps.Add(new Control(query.Controls[control], control));
        var values = query.Controls.SelectMany(static later => later.Expressions).Concat(query.Sink.Expressions).ToArray();
        foreach (var expression in values)
            Require(expression);
        if (query.Sink is IrAggregate { Kept: { } kept } && target.FramesOf(kept.Stack) is var stack && captured.Add(stack))
            steps.Add(new Capture(stack, target.WalkOf(stack), target.FrameLimit(target.WalkOf(stack)), OnDemand: true));
        // A truth value that a query delivers, or that chooses what it delivers, is a comparison too: where it is open, the hit has no value.
        foreach (var expression in values.SelectMany(Parts).Distinct())
            Settle(expression);
        for (; control < query.Controls.Length; control++)
            steps.Add(new Control(query.Controls[control], control));
        steps.Add(new Deliver(query.Sink));
        return ShareNumbers.Run(new(query.Probe, steps.ToImmutable()));

        void Require(IrExpression expression)
        {
            expression.Any(node =>
            {
                if (node is IrContext context && loaded.Add(context.Field))
                    steps.Add(new LoadContext(context.Field));
                if (node is IrField field && FieldLowering.IsFetched(field, target) && fetched.Add(field.Name))
                    steps.Add(new FetchField(field));
                if (node is IrInCgroup cgroup && asked.Add(cgroup))
                    steps.Add(new LoadInCgroup(cgroup));
                if (node is IrMemoryText text && read.Add(text))
                    steps.Add(new LoadText(text));
                return false;
            });
            expression.Any(node =>
            {
                if (node is IrStackValue { Stack: var stack })
                    Add(stack);
                return false;
            });
            state.Require(expression, steps);
        }

        void DecideOpen()
        {
            foreach (var predicate in open)
                steps.Add(new Decide(comparisons.Surely(predicate)));
            open.Clear();
        }

        void Settle(IrExpression expression)
        {
            if (comparisons.Settled(expression) is { } settled)
                steps.Add(new Decide(settled));
        }

        void Add(IrStack stack)
        {
            if (captured.Add(stack))
                steps.Add(new Capture(stack, target.WalkOf(stack), stack.IsWalked ? Limit(stack) : 0));
        }

        int Limit(IrStack stack) => target.FrameLimit(target.WalkOf(stack)) is var most && stack.Frames is { } frames ? frames.Limit(most) : most;
    }

    private static IEnumerable<IrExpression> Parts(IrExpression expression) => expression is IrTuple tuple ? tuple.Items.SelectMany(Parts) : [expression];
}
