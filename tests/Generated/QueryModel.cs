using System.Buffers.Binary;
using System.Text;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>
/// Evaluates a query on hits directly, as its documentation says it, knowing nothing of passes, layouts or instructions: the truth that the compiled program is compared with.
/// </summary>
internal sealed class QueryModel(IrQuery query, CompileTarget target, IReadOnlySet<int> followed, int ringRecords)
{
    private long? _best;
    private readonly long[] _passed = new long[query.Controls.Length];
    private readonly HashSet<(int Control, string Values)> _seen = [];

    private readonly ModelState _state = new(target.MaxKeys);

    /// <summary>Hits that needed a variable that was not set.</summary>
    internal long Unset { get; private set; }

    internal Dictionary<HealthCounter, long> Counters { get; } = Enum.GetValues<HealthCounter>().ToDictionary(static c => c, static _ => 0L);

    /// <summary>The aggregates by key in hexadecimal; the key of an ungrouped one is empty.</summary>
    internal Dictionary<string, ModelAggregate> Groups { get; } = query.Sink is IrAggregate { Key: null } ? new() { [""] = new() } : [];

    internal List<string> Records { get; } = [];

    /// <summary>The hits that are kept, the best first, of equal ones the first first; by key as the groups are.</summary>
    internal Dictionary<string, List<(long Value, Hit Hit)>> Kept { get; } = query.Sink is IrAggregate { Kept: { Key: null } } ? new() { [""] = [] } : [];

    internal void Add(Hit hit, int probe = 0)
    {
        if (!InScope(hit))
            return;
        if (target.Session is not null && hit.Return is { Pending: >= 64 })
        {
            Counters[HealthCounter.Busy]++;
            return;
        }
        HashSet<StackKind> walked = [];
        HashSet<IrMemoryText> read = [];
        HashSet<IrStack> written = [];
        var branch = (query.Probe as IrAnyProbe)?.Branches[probe];
        List<IrExpression> predicates = [.. branch?.Predicates ?? [], .. query.Predicates];
        var silent = query.Probe.IsSilent || branch is { Probe.IsSilent: true };
        if (silent)
            predicates.RemoveRange(predicates.FindLastIndex(static predicate => predicate is IrAssign) + 1, predicates.Count - 1 - predicates.FindLastIndex(static predicate => predicate is IrAssign));
        while (predicates.Count > 0)
        {
            var filters = predicates.TakeWhile(static predicate => predicate is not IrAssign).ToArray();
            var conjuncts = filters.SelectMany(Conjuncts).ToArray();
            foreach (var conjunct in conjuncts.Where(static c => Stacks(c).Count == 0).Concat(conjuncts.Where(static c => Stacks(c).Count > 0)))
            {
                if (!Read(hit, conjunct, read) || !Walk(hit, Stacks(conjunct), walked) || !HasStates(conjunct, hit) || Evaluate(conjunct, hit) == 0)
                    return;
            }
            predicates.RemoveRange(0, filters.Length);
            if (predicates is not [IrAssign assign, ..])
                continue;
            predicates.RemoveAt(0);
            if (!Read(hit, assign, read) || !Walk(hit, Stacks(assign), walked) || !HasStates(assign, hit))
                return;
            if (!_state.Assign(assign.Kind, assign.Place.Variable, Key(assign.Place, hit), assign.Value is null ? 0 : Evaluate(assign.Value, hit)))
                Counters[HealthCounter.KeysLost]++;
        }
        if (silent)
            return;
        Counters[HealthCounter.Hits]++;
        var early = query.Controls.TakeWhile(static control => control is IrSample or IrThrottle).Count();
        for (var control = 0; control < early; control++)
        {
            if (!Passes(control, hit))
                return;
        }
        IrExpression?[] needed = query.Sink switch
        {
            IrCountHits => [],
            IrAggregate aggregate => [aggregate.Key, aggregate.Value, aggregate.Kept?.Key, aggregate.Kept?.By],
            IrEmit emit => [.. emit.Fields],
            IrEmitExtremum extremum => [extremum.Value],
            _ => throw IrNodes.Unknown(query.Sink),
        };
        foreach (var expression in query.Controls.OfType<IrDistinct>().SelectMany(static distinct => distinct.Fields).Concat(needed))
        {
            if (expression is not null
                && (!Read(hit, expression, read) || !(expression is IrTuple tuple ? tuple.Items : [expression]).All(item => Frames(hit, item, written) && Walk(hit, Stacks(item), walked)) || !HasStates(expression, hit)))
                return;
        }
        for (var control = early; control < query.Controls.Length; control++)
        {
            if (!Passes(control, hit))
                return;
        }
        Deliver(hit);
    }

    private bool Passes(int control, Hit hit)
    {
        switch (query.Controls[control])
        {
            case IrSample sample:
                return _passed[control]++ % sample.Of == 0;
            case IrTake take:
                return _passed[control]++ < take.Count;
            case IrThrottle throttle:
                if ((ulong)hit.Timestamp < (ulong)_passed[control])
                    return false;
                _passed[control] = unchecked(hit.Timestamp + throttle.Nanoseconds);
                return true;
            case IrDistinct distinct:
                var values = string.Concat(distinct.Fields.Select(field => Wire(field, hit)));
                if (_seen.Contains((control, values)))
                    return false;
                if (_seen.Count(seen => seen.Control == control) < target.MaxKeys)
                    return _seen.Add((control, values));
                Counters[HealthCounter.KeysLost]++;
                return false;
            default:
                throw IrNodes.Unknown(query.Controls[control]);
        }
    }

    private bool InScope(Hit hit) => target.Scope switch
    {
        ProcessScope.AllBut all => hit.Pid != all.ProcessId,
        ProcessScope.One one => hit.Pid == one.ProcessId,
        ProcessScope.All => true,
        ProcessScope.Linked => true, // the kernel runs the program for that process only
        _ => followed.Contains(hit.Pid),
    };

    private void Deliver(Hit hit)
    {
        switch (query.Sink)
        {
            case IrAggregate aggregate:
                // Hits that are kept over all are kept also where their group finds no room.
                if (aggregate.Kept is { Key: null } all)
                    Keep(all, hit);
                if (aggregate.Parts == AggregateParts.None)
                {
                    if (aggregate.Kept is { Key: not null } alone)
                        Keep(alone, hit);
                    return;
                }
                var key = aggregate.Key is null ? "" : Wire(aggregate.Key, hit);
                if (!Groups.ContainsKey(key) && aggregate.Key is not null && Groups.Count == target.MaxKeys)
                {
                    Counters[HealthCounter.KeysLost]++;
                    return;
                }
                if (!Groups.TryGetValue(key, out var group))
                    Groups.Add(key, group = new());
                // A count takes values of every type, and does not look at them.
                group.Add(aggregate.Value is null or { Type: IrType.Text or IrType.Stack } ? 0 : Evaluate(aggregate.Value, hit), hit);
                if (aggregate.Kept is { Key: not null } kept)
                    Keep(kept, hit);
                break;
            case IrEmit emit:
                Emit(string.Concat(emit.Fields.Select(field => Wire(field, hit))));
                break;
            case IrEmitExtremum extremum:
                // The extreme value of 64 bits and its neighbour are one to the kernel.
                var value = Evaluate(extremum.Value, hit);
                value = extremum.Maximum ? long.Min(value, long.MaxValue - 1) : long.Max(value, long.MinValue + 1);
                if (_best is { } best && (extremum.Maximum ? value <= best : value >= best))
                    return;
                _best = value;
                Emit(Wire(extremum.Value, hit));
                break;
        }
    }

    private void Keep(IrKeep keep, Hit hit)
    {
        var value = Evaluate(keep.By, hit);
        value = keep.Maximum ? long.Min(value, long.MaxValue - 1) : long.Max(value, long.MinValue + 1);
        var key = keep.Key is null ? "" : Wire(keep.Key, hit);
        if (!Kept.ContainsKey(key) && Kept.Count == target.MaxKeys && keep.Key is not null)
        {
            Counters[HealthCounter.KeysLost]++;
            return;
        }
        if (!Kept.TryGetValue(key, out var kept))
            kept = [];
        kept.Add((value, hit));
        Kept[key] = [.. (keep.Maximum ? kept.OrderByDescending(static kept => kept.Value) : kept.OrderBy(static kept => kept.Value)).Take(keep.Count)];
    }

    private void Emit(string record)
    {
        if (Records.Count == ringRecords)
            Counters[HealthCounter.Dropped]++;
        else
            Records.Add(record);
    }

    /// <summary>Reads the texts that were not read yet; false when one cannot be.</summary>
    private bool Read(Hit hit, IrExpression expression, HashSet<IrMemoryText> read)
    {
        foreach (var text in Texts(expression).Where(read.Add))
        {
            if (hit.Texts.ContainsKey(hit.Arguments[((IrArgumentText)text).Index]))
                continue;
            Counters[HealthCounter.ReadErrors]++;
            return false;
        }
        return true;
    }

    /// <summary>Walks the stacks whose frames are delivered and were not walked yet; false when one failed.</summary>
    private bool Frames(Hit hit, IrExpression expression, HashSet<IrStack> written)
    {
        foreach (var item in expression is IrTuple tuple ? tuple.Items : [expression])
        {
            if (item is not IrStackFrames { Stack: var stack } || !written.Add(stack))
                continue;
            if (Frames(stack.Kind, hit) <= 0)
            {
                Counters[HealthCounter.StackErrors]++;
                return false;
            }
            var reason = FramesReason(stack, hit);
            if (reason == StackReason.FrameLimit && stack.Frames!.Take is not null)
            {
                Counters[HealthCounter.Complete]++;
                continue;
            }
            Counters[Enum.Parse<HealthCounter>(reason.Completeness().ToString())]++;
            if (reason != StackReason.None)
                Counters[Enum.Parse<HealthCounter>(reason.ToString())]++;
        }
        return true;
    }

    private StackReason FramesReason(IrStack stack, Hit hit) =>
        Frames(stack.Kind, hit) >= Limit(stack) ? stack.Kind == StackKind.User ? StackReason.UnprovedLimit : StackReason.FrameLimit
        : stack.Kind == StackKind.User ? StackReason.NoProof : StackReason.None;

    private int Limit(IrStack stack) => int.Min(target.MaxStackFrames, stack.Frames!.Take is { } take ? stack.Frames.Skip + take : int.MaxValue);

    /// <summary>A stack as <see cref="WireText"/> writes it.</summary>
    private string Stack(IrStack stack, Hit hit)
    {
        // The helper answers no more than there is room for.
        var all = (int)long.Min(Frames(stack.Kind, hit), Limit(stack));
        var frames = Enumerable.Range(0, all).Select(frame => hit.UserFrames?[frame] ?? hit.Frame(all - 1 - frame)).Skip(stack.Frames!.Skip);
        return WireText.Stack(stack.Kind == StackKind.User ? hit.Pid : 0, FramesReason(stack, hit), frames);
    }

    private static List<IrMemoryText> Texts(IrExpression expression) => expression switch
    {
        _ when Known(expression) is not null => [],
        IrMemoryText text => [text],
        IrIf choice when Plain(choice) is { } plain => Texts(plain),
        IrLogic logic when Known(logic.Left) is not null => Texts(logic.Right),
        IrLogic logic when Known(logic.Right) is not null => Texts(logic.Left),
        _ => [.. expression.Operands.ToArray().SelectMany(Texts).Distinct()],
    };

    /// <summary>Walks the stacks that were not walked yet; false when one failed.</summary>
    private bool Walk(Hit hit, List<StackKind> stacks, HashSet<StackKind> walked)
    {
        foreach (var stack in stacks.Where(walked.Add))
        {
            var frames = Frames(stack, hit);
            if (frames <= 0)
            {
                Counters[HealthCounter.StackErrors]++;
                return false;
            }
            var (completeness, reason) = Reason(stack, hit);
            Counters[Enum.Parse<HealthCounter>(completeness.ToString())]++;
            if (reason != StackReason.None)
                Counters[Enum.Parse<HealthCounter>(reason.ToString())]++;
        }
        return true;
    }

    private (Completeness Completeness, StackReason Reason) Reason(StackKind stack, Hit hit) =>
        Frames(stack, hit) >= target.MaxStackFrames ? (Completeness.Truncated, stack == StackKind.User ? StackReason.UnprovedLimit : StackReason.FrameLimit)
        : stack == StackKind.User ? (Completeness.Broken, StackReason.NoProof)
        : (Completeness.Complete, StackReason.None);

    private static long Frames(StackKind stack, Hit hit) => (stack == StackKind.User ? hit.UserStack : hit.KernelStack) is > 0 and var bytes ? bytes / 8 : 0;

    /// <summary>Whether all variables are set whose values an expression needs, wherever in it; counts a hit that lacks one.</summary>
    private bool HasStates(IrExpression expression, Hit hit)
    {
        if (Lacks(expression))
        {
            Unset++;
            return false;
        }
        return true;

        bool Lacks(IrExpression part) => part switch
        {
            _ when Known(part) is not null => false,
            IrIf choice when Plain(choice) is { } plain => Lacks(plain),
            _ => part.Operands.ToArray().Any(Lacks) || (part is IrStateValue { IsRequired: true } value && _state.Read(value.Place.Variable, Key(value.Place, hit)) is null),
        };
    }

    private string Key(IrPlace place, Hit hit) => place.Variable.IsPerThread ? $"{hit.Tid}" : string.Concat(place.Keys.Select(key => Wire(key, hit)));

    /// <summary>The parts of a condition that must all hold, without those that always do.</summary>
    private static IEnumerable<IrExpression> Conjuncts(IrExpression condition) => condition switch
    {
        _ when Known(condition) is { } known => known == 0 ? [condition] : [],
        IrLogic { Operator: LogicOperator.And } and => Conjuncts(and.Left).Concat(Conjuncts(and.Right)),
        IrLogic logic when Known(logic.Left) is not null => Conjuncts(logic.Right),
        IrLogic logic when Known(logic.Right) is not null => Conjuncts(logic.Left),
        IrNot { Operand: IrNot inner } => Conjuncts(inner.Operand),
        IrIf choice when Plain(choice) is { } plain => Conjuncts(plain),
        IrNot { Operand: IrIf choice } when Plain(choice) is { } plain => Conjuncts(new IrNot(plain)),
        IrNot { Operand: IrLogic { Left: var left, Right: var right } } when Known(left) is not null => Conjuncts(new IrNot(right)),
        IrNot { Operand: IrLogic { Left: var left, Right: var right } } when Known(right) is not null => Conjuncts(new IrNot(left)),
        _ => [condition],
    };

    /// <summary>The value of an expression, where constants alone decide it.</summary>
    private static long? Known(IrExpression expression) => expression switch
    {
        IrConstant constant => constant.Value,
        IrNot not => 1 - Known(not.Operand),
        IrLogic { Operator: LogicOperator.And } and => Known(and.Left) == 0 || Known(and.Right) == 0 ? 0 : Known(and.Left) & Known(and.Right),
        IrLogic or => Known(or.Left) == 1 || Known(or.Right) == 1 ? 1 : Known(or.Left) | Known(or.Right),
        IrCompare { Left.Type: not IrType.Text } compare when Known(compare.Left) is { } left && Known(compare.Right) is { } right => Holds(compare.Operator, ModelNumbers.Compare(compare.Left.Type, left, right)) ? 1 : 0,
        IrIf choice when Plain(choice) is { } plain => Known(plain),
        IrIsIn { Values: [] } => 0,
        IrIsIn set when Known(set.Operand) is { } value => set.Values.Contains(value) ? 1 : 0,
        IrStartsWith { Prefix: "" } => 1,
        IrArithmetic arithmetic when Known(arithmetic.Left) is { } left && Known(arithmetic.Right) is { } right => ModelNumbers.Compute(arithmetic.Operator, arithmetic.Type, left, right),
        IrUnary unary when Known(unary.Operand) is { } operand => ModelNumbers.Compute(unary.Operator, unary.Type, operand),
        IrConvert convert when Known(convert.Operand) is { } operand => ModelNumbers.Convert(convert.Type, operand),
        _ => null,
    };

    /// <summary>A choice as what it comes to where its test, or a truth value in one of its cases, is known.</summary>
    private static IrExpression? Plain(IrIf choice)
    {
        if (Known(choice.Test) is { } test)
            return test != 0 ? choice.Then : choice.Otherwise;
        if (choice.Type != IrType.Boolean)
            return null;
        if (Known(choice.Then) is { } then)
            return then != 0 ? new IrLogic(LogicOperator.Or, choice.Test, choice.Otherwise) : new IrLogic(LogicOperator.And, new IrNot(choice.Test), choice.Otherwise);
        if (Known(choice.Otherwise) is { } otherwise)
            return otherwise != 0 ? new IrLogic(LogicOperator.Or, new IrNot(choice.Test), choice.Then) : new IrLogic(LogicOperator.And, choice.Test, choice.Then);
        return null;
    }

    /// <summary>The stacks that must be walked to know an expression, in the order in which it mentions them.</summary>
    private static List<StackKind> Stacks(IrExpression expression) => expression switch
    {
        _ when Known(expression) is not null => [],
        IrStackFrames => [],
        IrStackValue value => [value.Stack.Kind],
        IrIf choice when Plain(choice) is { } plain => Stacks(plain),
        _ => [.. expression.Operands.ToArray().SelectMany(Stacks).Distinct()],
    };

    private long Evaluate(IrExpression expression, Hit hit) => expression switch
    {
        IrConstant constant => constant.Value,
        IrContext { Field: ContextField.Pid } => hit.Pid,
        IrContext { Field: ContextField.Tid } => hit.Tid,
        IrContext { Field: ContextField.Timestamp } => hit.Timestamp,
        IrContext { Field: ContextField.Elapsed } => hit.Return!.Elapsed,
        IrReturnValue => hit.Return!.Value,
        IrField field => RandomFields.ValueOf(field, hit),
        IrArgument argument => hit.Arguments[argument.Index],
        IrContext { Field: ContextField.Uid } => hit.Uid,
        IrContext { Field: ContextField.Gid } => hit.Gid,
        IrContext { Field: ContextField.Cpu } => hit.Cpu,
        IrContext { Field: ContextField.CgroupId } => (long)hit.CgroupId,
        IrArithmetic arithmetic => ModelNumbers.Compute(arithmetic.Operator, arithmetic.Type, Evaluate(arithmetic.Left, hit), Evaluate(arithmetic.Right, hit)),
        IrUnary unary => ModelNumbers.Compute(unary.Operator, unary.Type, Evaluate(unary.Operand, hit)),
        IrConvert convert => ModelNumbers.Convert(convert.Type, Evaluate(convert.Operand, hit)),
        IrIf choice => Evaluate(choice.Test, hit) != 0 ? Evaluate(choice.Then, hit) : Evaluate(choice.Otherwise, hit),
        IrIsIn set => set.Values.Contains(Evaluate(set.Operand, hit)) ? 1 : 0,
        IrStartsWith prefix => Text(prefix.Operand, hit).StartsWith(prefix.Prefix, StringComparison.Ordinal) ? 1 : 0,
        IrContext { Field: ContextField.Function } => (long)hit.Cookie,
        IrStateValue value => _state.Read(value.Place.Variable, Key(value.Place, hit)) ?? 0,
        IrStateIsSet set => _state.Read(set.Place.Variable, Key(set.Place, hit)) is null ? 0 : 1,
        IrStackLength length => Frames(length.Stack.Kind, hit),
        IrStackCompleteness completeness => (long)Reason(completeness.Stack.Kind, hit).Completeness,
        IrStackReason reason => (long)Reason(reason.Stack.Kind, hit).Reason,
        IrNot not => 1 - Evaluate(not.Operand, hit),
        IrLogic { Operator: LogicOperator.And } and => Evaluate(and.Left, hit) & Evaluate(and.Right, hit),
        IrLogic or => Evaluate(or.Left, hit) | Evaluate(or.Right, hit),
        IrCompare { Left.Type: IrType.Text } compare => Holds(compare.Operator, string.CompareOrdinal(Text(compare.Left, hit), Text(compare.Right, hit))) ? 1 : 0,
        IrCompare compare => Holds(compare.Operator, ModelNumbers.Compare(compare.Left.Type, Evaluate(compare.Left, hit), Evaluate(compare.Right, hit))) ? 1 : 0,
        _ => throw IrNodes.Unknown(expression),
    };

    // Behind a text that was cut stands what no constant has. What constants decide without it was not read.
    private static string Text(IrExpression expression, Hit hit) => expression switch
    {
        IrText text => text.Value,
        IrArgumentText text when hit.Texts.GetValueOrDefault(hit.Arguments[text.Index], []) is var bytes => Encoding.UTF8.GetString(bytes.AsSpan(0, int.Min(bytes.Length, text.MaxBytes))) + (bytes.Length > text.MaxBytes ? "\x1" : ""),
        _ => Encoding.UTF8.GetString(hit.Comm).TrimEnd('\0'),
    };

    private string Wire(IrExpression expression, Hit hit)
    {
        if (expression is IrTuple tuple)
            return string.Concat(tuple.Items.Select(item => Wire(item, hit)));
        if (expression is IrStackFrames stack)
            return Stack(stack.Stack, hit);
        if (expression is IrArgumentText text && hit.Texts[hit.Arguments[text.Index]] is var read)
        {
            var wire = new byte[text.WireBytes];
            read.AsSpan(0, int.Min(read.Length, text.MaxBytes)).CopyTo(wire);
            wire[^1] = (byte)(read.Length > text.MaxBytes ? 1 : 0);
            return Convert.ToHexString(wire);
        }
        if (expression.Type == IrType.Text)
            return Convert.ToHexString(hit.Comm);
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Evaluate(expression, hit));
        return Convert.ToHexString(bytes);
    }

    private static bool Holds(CompareOperator op, int order) => op switch
    {
        CompareOperator.Equal => order == 0,
        CompareOperator.NotEqual => order != 0,
        CompareOperator.Less => order < 0,
        CompareOperator.LessOrEqual => order <= 0,
        CompareOperator.Greater => order > 0,
        _ => order >= 0,
    };
}
