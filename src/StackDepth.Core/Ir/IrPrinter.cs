using System.Globalization;
using System.Text;
using StackDepth.Compile;
using StackDepth.Native.Asm;

namespace StackDepth.Ir;

/// <summary>The stable text of IR: what <c>Explain()</c> shows, what golden files hold, and the origin comments in the bytecode.</summary>
internal static class IrPrinter
{
    internal static string Print(IrProgram program)
    {
        var text = new StringBuilder().Append(InstructionText.Escape(program.Probe.ToString())).Append('\n');
        foreach (var statement in program.Statements)
            text.Append("  ").Append(Print(statement)).Append(Limit(statement)).Append('\n');
        return text.ToString();
    }

    internal static string Print(IrStatement statement) => statement switch
    {
        FilterProcess { Scope: ProcessScope.AllBut all } => $"filter pid != {all.ProcessId} (this process)",
        FilterProcess { Scope: ProcessScope.All } => "filter no pid (the code cannot run in this process)",
        FilterProcess { Scope: ProcessScope.One one } => $"filter pid == {one.ProcessId}",
        FilterProcess { Scope: ProcessScope.Linked linked } => $"filter pid == {linked.ProcessId} (by the link)",
        FilterProcess { Scope: ProcessScope.Followed } => "filter pid in followed",
        AtEntry entry => $"at the entry: {(entry.TakesTime ? "note the time, " : "")}wait for the return",
        LoadContext load => $"load {Name(load.Field)}",
        FetchField fetch => $"fetch {Print(fetch.Field)}",
        LoadText load => $"read {Print(load.Text)}",
        LoadInCgroup load => $"load {Print(load.Cgroup)}",
        Guard guard => $"where {Print(guard.Condition)}",
        Decide decide => $"decide {Print(decide.Condition)}",
        Control control => Print(control.What),
        LoadState { IsRequired: true } state => $"load {Print(state.Place)}, which must be set",
        LoadState state => $"load {Print(state.Place)}",
        RequireState state => $"require that {Print(state.Place)} is set",
        Assign assign => Print(assign.What),
        CountHit => "count hit",
        Compute compute => $"compute {Print(compute.Value)}",
        Capture { OnDemand: true } capture => $"make room for {Name(capture.Stack.Kind)} by {Name(capture.Walk)}",
        Capture { Stack.Kind: StackKind.Python } => "capture python",
        Capture { Stack.IsWalked: false } capture => $"capture {Name(capture.Stack.Kind)}",
        Capture capture => $"capture {Name(capture.Stack.Kind)}{Name(capture.Stack.Frames)} by {Name(capture.Walk)}",
        Deliver { Sink: var sink } => Print(sink),
        _ => throw IrNodes.Unknown(statement),
    };

    internal static string Print(IrSink sink) => sink switch
    {
        IrCountHits => "the hits are the result",
        IrDiscard => "the hits are in no result",
        IrAggregate { Parts: AggregateParts.None, Kept: { } keep } => Print(keep),
        IrAggregate aggregate => (aggregate.Key is { } key ? $"group by {Print(key)} " : "") + $"aggregate {Print(aggregate.Parts)}{Print(aggregate.Buckets)}" + (aggregate.Value is { } value ? $" of {Print(value)}" : "")
            + (aggregate.Kept is { } kept ? $", {Print(kept)}" : ""),
        IrEmit emit => $"emit ({string.Join(", ", emit.Fields.Select(Print))})",
        IrEmitExtremum extremum => $"emit each new {(extremum.Maximum ? "maximum" : "minimum")} of {Print(extremum.Value)}",
        _ => throw IrNodes.Unknown(sink),
    };

    internal static string Print(IrControl control) => control switch
    {
        IrSample sample => string.Create(CultureInfo.InvariantCulture, $"pass one in {sample.Of}"),
        IrThrottle throttle => string.Create(CultureInfo.InvariantCulture, $"pass one in {throttle.Nanoseconds} ns"),
        IrTake take => string.Create(CultureInfo.InvariantCulture, $"pass the first {take.Count}"),
        IrDistinct distinct => $"pass each ({string.Join(", ", distinct.Fields.Select(Print))}) once",
        _ => throw IrNodes.Unknown(control),
    };

    internal static string Print(IrExpression expression) => expression switch
    {
        IrConstant { Type: IrType.Boolean } truth => truth.Value != 0 ? "true" : "false",
        IrConstant { Type: IrType.Completeness } completeness => ((Completeness)completeness.Value).ToString(),
        IrConstant { Type: IrType.Reason } reason => ((StackReason)reason.Value).ToString(),
        IrConstant { Type: IrType.UInt64 } number => ((ulong)number.Value).ToString(CultureInfo.InvariantCulture),
        IrConstant number => number.Value.ToString(CultureInfo.InvariantCulture),
        IrText text => $"\"{InstructionText.Escape(text.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal))}\"",
        IrContext context => Name(context.Field),
        IrReturnValue => "retval",
        IrArgument argument => string.Create(CultureInfo.InvariantCulture, $"arg{argument.Index}"),
        IrField { Name: IrField.Result } => "retval",
        IrField field => $"args.{InstructionText.Escape(field.Name)}",
        IrFieldText text => string.Create(CultureInfo.InvariantCulture, $"str(args.{InstructionText.Escape(text.Name)}, {text.MaxBytes})"),
        IrArgumentText text => string.Create(CultureInfo.InvariantCulture, $"str(arg{text.Index}, {text.MaxBytes})"),
        IrInCgroup cgroup => $"in_cgroup({Print(new IrText(cgroup.Path))})",
        IrStackLength length => $"{Name(length.Stack)}.length",
        IrStackCompleteness completeness => $"{Name(completeness.Stack)}.completeness",
        IrStackReason reason => $"{Name(reason.Stack)}.reason",
        IrStackFrames frames => Name(frames.Stack),
        IrStackCountOf count => $"{Name(count.Stack)}.count_of({Print(count.Functions)})",
        IrStackBytes bytes => $"{Name(bytes.Stack)}.{(bytes.Free ? "free" : "used")}",
        IrStackBound bound => $"{Name(bound.Stack)}.{(bound.Free ? "free." : "")}{(bound.Greatest ? "most" : "least")}{(bound.Functions is { } functions ? $"_count_of({Print(functions)})" : "")}",
        IrCompare compare => $"({Print(compare.Left)} {Symbol(compare.Operator)} {Print(compare.Right)})",
        IrLogic logic => $"({Print(logic.Left)} {(logic.Operator == LogicOperator.And ? "&" : "|")} {Print(logic.Right)})",
        IrTuple tuple => $"({string.Join(", ", tuple.Items.Select(Print))})",
        IrNot not => $"!{Print(not.Operand)}",
        IrArithmetic { Operator: ArithmeticOperator.Minimum or ArithmeticOperator.Maximum } extreme => $"{Symbol(extreme.Operator)}({Print(extreme.Left)}, {Print(extreme.Right)})",
        IrArithmetic arithmetic => $"({Print(arithmetic.Left)} {Symbol(arithmetic.Operator)} {Print(arithmetic.Right)})",
        IrUnary { Operator: UnaryOperator.Absolute } absolute => $"abs({Print(absolute.Operand)})",
        IrUnary unary => $"{(unary.Operator == UnaryOperator.Negate ? "-" : "~")}{Print(unary.Operand)}",
        IrConvert convert => $"{Name(convert.Type)}({Print(convert.Operand)})",
        IrIf choice => $"({Print(choice.Test)} ? {Print(choice.Then)} : {Print(choice.Otherwise)})",
        IrIsIn set => $"({Print(set.Operand)} in [{string.Join(", ", set.Values.Select(value => Print(new IrConstant(value, set.Operand.Type))))}])",
        IrStateValue state => Print(state.Place),
        IrStateIsSet state => $"{Print(state.Place)}.is_set",
        IrAssign { Kind: AssignmentKind.Set } assign => $"set {Print(assign.Place)} to {Print(assign.Value!)}",
        IrAssign { Kind: AssignmentKind.Add } assign => $"add {Print(assign.Value!)} to {Print(assign.Place)}",
        IrAssign assign => $"clear {Print(assign.Place)}",
        IrStartsWith prefix => $"{Print(prefix.Operand)}.starts_with({Print(new IrText(prefix.Prefix))})",
        _ => throw IrNodes.Unknown(expression),
    };

    private static string Print(IrKeep keep) =>
        string.Create(CultureInfo.InvariantCulture, $"keep {keep.Count} of the {(keep.Maximum ? "greatest" : "smallest")} {Print(keep.By)} with {Name(keep.Stack)}{(keep.Key is { } key ? $" by {Print(key)}" : "")}");

    internal static string Print(IrPlace place) => MapNames.Variable(place.Variable) + (place.Keys.IsEmpty ? "" : $"[{string.Join(", ", place.Keys.Select(Print))}]");

    internal static string Print(IrFunctions functions) => string.Join(", ", functions.Names.Select(static name => InstructionText.Escape(name)));

    internal static string Name(ContextField field) => field switch
    {
        ContextField.Pid => "pid",
        ContextField.Tid => "tid",
        ContextField.Comm => "comm",
        ContextField.Function => "function",
        ContextField.Timestamp => "timestamp",
        ContextField.Uid => "uid",
        ContextField.Gid => "gid",
        ContextField.Cpu => "cpu",
        ContextField.CgroupId => "cgroup",
        ContextField.Elapsed => "elapsed",
        _ => throw IrNodes.Unknown(field),
    };

    internal static string Name(StackKind stack) => stack switch
    {
        StackKind.User => "ustack",
        StackKind.Kernel => "kstack",
        StackKind.Python => "python",
        StackKind.Recursion => "recursion",
        StackKind.Region => "region",
        _ => throw IrNodes.Unknown(stack),
    };

    internal static string Name(IrStack stack) => (stack.Walk is { } walk ? $"{Name(stack.Kind)}({Name(walk)})" : Name(stack.Kind)) + Name(stack.Frames);

    private static string Name(IrFrames? frames) => frames is null ? ""
        : ".frames" + (frames.Skip > 0 ? string.Create(CultureInfo.InvariantCulture, $".skip({frames.Skip})") : "") + (frames.Take is { } take ? string.Create(CultureInfo.InvariantCulture, $".take({take})") : "");

    internal static string Name(StackWalk walk) => walk switch
    {
        StackWalk.Auto => "auto",
        StackWalk.FramePointer => "fp",
        StackWalk.Unwind => "unwind",
        StackWalk.Kernel => "kernel",
        _ => throw IrNodes.Unknown(walk),
    };

    // Not in every comment of the bytecode.
    private static string Limit(IrStatement statement) => statement is Capture { Stack.IsWalked: true, MaxFrames: var frames } ? string.Create(CultureInfo.InvariantCulture, $", at most {frames} frames") : "";

    private static string Print(IrBuckets? buckets) => buckets switch
    {
        null or IrPowersOfTwo => "",
        IrLinearBuckets linear => string.Create(CultureInfo.InvariantCulture, $" (from {linear.Least} to {linear.End} by {linear.Step})"),
        IrFineBuckets => " (for quantiles)",
        _ => throw IrNodes.Unknown(buckets),
    };

    private static string Print(AggregateParts parts)
    {
        List<string> names = [];
        for (var part = AggregateParts.Count; part <= parts; part = (AggregateParts)((int)part << 1))
        {
            if ((parts & part) != 0)
                names.Add(Name(part));
        }
        return string.Join("+", names);
    }

    private static string Name(AggregateParts part) => part switch
    {
        AggregateParts.Count => "count",
        AggregateParts.Sum => "sum",
        AggregateParts.Minimum => "min",
        AggregateParts.Maximum => "max",
        AggregateParts.Histogram => "histogram",
        AggregateParts.Last => "last",
        _ => throw IrNodes.Unknown(part),
    };

    private static string Symbol(CompareOperator op) => op switch
    {
        CompareOperator.Equal => "==",
        CompareOperator.NotEqual => "!=",
        CompareOperator.Less => "<",
        CompareOperator.LessOrEqual => "<=",
        CompareOperator.Greater => ">",
        CompareOperator.GreaterOrEqual => ">=",
        _ => throw IrNodes.Unknown(op),
    };

    private static string Symbol(ArithmeticOperator op) => op switch
    {
        ArithmeticOperator.Add => "+",
        ArithmeticOperator.Subtract => "-",
        ArithmeticOperator.Multiply => "*",
        ArithmeticOperator.Divide => "/",
        ArithmeticOperator.Modulo => "%",
        ArithmeticOperator.And => "&",
        ArithmeticOperator.Or => "|",
        ArithmeticOperator.Xor => "^",
        ArithmeticOperator.ShiftLeft => "<<",
        ArithmeticOperator.ShiftRight => ">>",
        ArithmeticOperator.Minimum => "min",
        ArithmeticOperator.Maximum => "max",
        _ => throw IrNodes.Unknown(op),
    };

    private static string Name(IrType number) => number switch
    {
        IrType.Int32 => "int32",
        IrType.Int64 => "int64",
        IrType.UInt32 => "uint32",
        IrType.UInt64 => "uint64",
        _ => throw IrNodes.Unknown(number),
    };
}
