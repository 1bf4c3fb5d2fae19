using System.Globalization;
using System.Text;
using StackDepth.Ir;
using StackDepth.Native.Targets;

namespace StackDepth.Compile.Passes;

/// <summary>Refuses, with a sentence, what the C# types let through but the kernel cannot do.</summary>
internal static class TypeCheck
{
    /// <summary>A loop that builds on itself doubles an expression at every turn: nobody could compile, or read, what comes of it.</summary>
    private const int MostOperations = 10_000;

    internal static void Run(IrQuery query)
    {
        var left = MostOperations;
        foreach (var expression in query.Expressions)
            Count(expression, ref left);
        CheckProbe(query);
        foreach (var predicate in query.Predicates)
            Check(predicate);
        foreach (var field in query.Controls.SelectMany(static control => control.Expressions))
            CheckOutput(field, "a field");
        switch (query.Sink)
        {
            case IrCountHits or IrDiscard:
                break;
            case IrAggregate aggregate:
                CheckSize(aggregate);
                if (aggregate.Key is { } key)
                    CheckOutput(key, "a key");
                if (aggregate.Value is { } value)
                {
                    CheckOutput(value, "a value");
                    if (aggregate.Parts != AggregateParts.Count)
                        CheckAggregated(value);
                }
                if (aggregate.Kept is { } kept)
                {
                    CheckOutput(kept.By, "a value");
                    CheckAggregated(kept.By);
                    if (kept.Key is { } keptKey)
                        CheckOutput(keptKey, "a key");
                }
                break;
            case IrEmit emit:
                foreach (var field in emit.Fields)
                    CheckOutput(field, "a field");
                break;
            case IrEmitExtremum extremum:
                CheckOutput(extremum.Value, "a value");
                CheckAggregated(extremum.Value);
                break;
            default:
                throw IrNodes.Unknown(query.Sink);
        }
    }

    private static void CheckProbe(IrQuery query)
    {
        CheckReturns.Run(query);
        if (query.Probe is IrUserReturnProbe)
            return;
        if (query.Probe is IrUserProbe user)
        {
            if (!SymbolQuery.IsFunction(user.Symbols) && CompileTarget.CountsActivations(query))
            {
                throw new ProbeQueryException(
                    $"Recursion is counted by the stack pointers at a function's entry, and \"{user.Symbols}\" names an instruction within one. Probe the function, or select UStack.Length.");
            }
            CheckArguments(query, user.Symbols);
            return;
        }
        if (query.Probe is IrKernelProbe kernel)
            CheckArguments(query, kernel.Symbols);
        if (CompileTarget.CountsActivations(query))
            throw new ProbeQueryException($"Recursion is counted at the entries of user-space functions, and {query.Probe} is none. Use Probe.UProbe, or select UStack.Length or KStack.Length.");
        if (!query.Probe.HasUserRegisters && (CompileTarget.Measures(query) || CompileTarget.UsesPython(query)))
            throw new ProbeQueryException($"Stack bytes and Python frames are had at user-space probes only, and {query.Probe} is none. Use Probe.UProbe, or select UStack.Length.");
    }

    /// <summary>A value per CPU has at most 32 KiB (PCPU_MIN_UNIT_SIZE), those counters included that every program keeps.</summary>
    private static void CheckSize(IrAggregate aggregate)
    {
        const int Most = 32 << 10;
        if (aggregate.Parts != AggregateParts.None && new ResultLayout(AggregateLayout.Of(aggregate).Size, 0).Size > Most)
            throw new ProbeQueryException($"The aggregates take more than the {Most:N0} bytes that the kernel has for a value on one CPU: aggregate fewer values at once, or use fewer buckets.");
    }

    private static void CheckArguments(IrQuery query, string symbols)
    {
        if (!SymbolQuery.IsFunction(symbols) && query.Expressions.Any(static expression => expression.Any(static node => node is IrArgument or IrArgumentText)))
        {
            throw new ProbeQueryException(
                $"Arguments are where the caller left them at a function's entry only, and \"{symbols}\" names an instruction within one. Probe the function.");
        }
    }

    private static void Count(IrExpression expression, ref int left)
    {
        if (--left < 0)
            throw new ProbeQueryException($"The query has more than {MostOperations.ToString("N0", CultureInfo.InvariantCulture)} operations: a value that is used in several places counts in each of them. Compute less, or in several queries.");
        foreach (var operand in expression.Operands)
            Count(operand, ref left);
    }

    private static void CheckOutput(IrExpression expression, string role)
    {
        if (expression is IrTuple tuple)
        {
            foreach (var item in tuple.Items)
                CheckOutput(item, role);
        }
        if (expression is IrText text)
            throw new ProbeQueryException($"The text \"{text.Value}\" is the same at every hit: as {role} it says nothing. Select a value of the context.");
        Check(expression);
    }

    private static void Check(IrExpression expression)
    {
        foreach (var operand in expression.Operands)
            Check(operand);
        switch (expression)
        {
            case IrCompare compare:
                CheckCompare(compare);
                break;
            case IrIf { Type: IrType.Text or IrType.Function or IrType.Stack }:
                throw new ProbeQueryException("Expr.If chooses between numbers, truth values, Completeness and StackReason only: select the text, the function or the stack beside the condition, as a field of its own.");
            case IrState state:
                CheckKeys(state.Place);
                break;
            case IrAssign assign:
                CheckKeys(assign.Place);
                break;
            case IrStartsWith { Operand: IrText }:
                throw new ProbeQueryException("StartsWith looks at texts of the context only: s.Comm.StartsWith(\"python\").");
            case IrStartsWith prefix:
                CheckText(prefix.Operand, prefix.Prefix, "begin");
                break;
        }
    }

    private static void CheckKeys(IrPlace place)
    {
        foreach (var key in place.Keys)
        {
            if (key.Type == IrType.Stack || key is IrMemoryText)
                throw new ProbeQueryException($"The variable \"{place.Variable.Name}\" cannot be kept by {(key.Type == IrType.Stack ? "a stack" : "a text in memory")}: key it by numbers, or by s.Comm.");
            CheckOutput(key, $"a key of the variable \"{place.Variable.Name}\"");
        }
    }

    /// <summary>Aggregates keep signed numbers of 64 bits.</summary>
    private static void CheckAggregated(IrExpression value)
    {
        foreach (var item in value is IrTuple tuple ? tuple.Items.AsSpan() : [value])
        {
            if (item.Type == IrType.UInt64)
                throw new ProbeQueryException("Aggregates keep signed numbers of 64 bits: of an unsigned one write ToInt64(), or group by it.");
        }
    }

    private static void CheckCompare(IrCompare compare)
    {
        if (compare.Left.Type == IrType.Function)
            throw new ProbeQueryException("A function cannot be compared in the kernel: name the functions in the probe instead, or group by the function.");
        if (compare.Left.Type == IrType.Stack)
            throw new ProbeQueryException("A stack cannot be compared in the kernel: group by it, or ask for its Length or CountOf.");
        if (compare.Left.Type != IrType.Text)
            return;
        if (compare.Left is IrText == compare.Right is IrText)
            throw new ProbeQueryException("A text can be compared only with a constant: s.Comm == \"python3\".");
        CheckText(compare.Left is IrText ? compare.Right : compare.Left, (compare.Left as IrText ?? (IrText)compare.Right).Value, "equal");
    }

    private static void CheckText(IrExpression operand, string text, string verb)
    {
        if (operand is not IrMemoryText memory)
        {
            CheckComm(text, verb);
            return;
        }
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > memory.MaxBytes)
        {
            throw new ProbeQueryException(
                $"\"{text}\" has {bytes} bytes, and {IrPrinter.Print(memory)} takes {memory.MaxBytes} of a text: it can never {(verb == "equal" ? "equal it" : "begin so")}. Raise maxBytes, or compare with fewer bytes.");
        }
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ProbeQueryException($"A text in memory ends at its first NUL: it can never {verb} {(verb == "equal" ? "one that has one inside" : "with one")}.");
    }

    private static void CheckComm(string text, string verb)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes >= EventLayout.CommBytes)
        {
            throw new ProbeQueryException(
                $"\"{text}\" has {bytes} bytes and {(verb == "equal" ? "can never equal a comm" : "no comm can begin so")}: the kernel cuts names to {EventLayout.CommBytes - 1} bytes. Compare with the first {EventLayout.CommBytes - 1} bytes.");
        }
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ProbeQueryException($"A comm ends at its first NUL: {(verb == "equal" ? "a text with one inside can never equal it" : "it cannot begin with a text that has one inside")}.");
    }
}
