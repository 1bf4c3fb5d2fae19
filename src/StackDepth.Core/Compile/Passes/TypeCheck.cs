using System.Text;
using StackDepth.Ir;
using StackDepth.Native.Targets;

namespace StackDepth.Compile.Passes;

/// <summary>Refuses, with a sentence, what the C# types let through but the kernel cannot do.</summary>
internal static class TypeCheck
{
    internal static void Run(IrQuery query)
    {
        CheckProbe(query);
        foreach (var predicate in query.Predicates)
            Check(predicate);
        foreach (var field in query.Controls.SelectMany(static control => control.Expressions))
            CheckOutput(field, "a field");
        switch (query.Sink)
        {
            case IrCountHits:
                break;
            case IrAggregate aggregate:
                CheckSize(aggregate);
                if (aggregate.Key is { } key)
                    CheckOutput(key, "a key");
                if (aggregate.Value is { } value)
                    CheckOutput(value, "a value");
                if (aggregate.Kept is { } kept)
                    CheckOutput(kept.By, "a value");
                break;
            case IrEmit emit:
                foreach (var field in emit.Fields)
                    CheckOutput(field, "a field");
                break;
            case IrEmitExtremum extremum:
                CheckOutput(extremum.Value, "a value");
                break;
            default:
                throw IrNodes.Unknown(query.Sink);
        }
    }

    private static void CheckProbe(IrQuery query)
    {
        if (query.Probe is IrUserProbe user)
        {
            if (!SymbolQuery.IsFunction(user.Symbols) && CompileTarget.CountsActivations(query))
            {
                throw new ProbeQueryException(
                    $"Recursion is counted by the stack pointers at a function's entry, and \"{user.Symbols}\" names an instruction within one. Probe the function, or select UStack.Length.");
            }
            return;
        }
        if (CompileTarget.CountsActivations(query))
            throw new ProbeQueryException($"Recursion is counted at the entries of user-space functions, and {query.Probe} is none. Use Probe.UProbe, or select UStack.Length or KStack.Length.");
        if (CompileTarget.Measures(query) || CompileTarget.UsesPython(query))
            throw new ProbeQueryException($"Stack bytes and Python frames are had at user-space probes only, and {query.Probe} is none. Use Probe.UProbe, or select UStack.Length.");
    }

    /// <summary>A value per CPU has at most 32 KiB (PCPU_MIN_UNIT_SIZE), those counters included that every program keeps.</summary>
    private static void CheckSize(IrAggregate aggregate)
    {
        const int Most = 32 << 10;
        if (aggregate.Parts != AggregateParts.None && new ResultLayout(AggregateLayout.Of(aggregate).Size, 0).Size > Most)
            throw new ProbeQueryException($"The aggregates take more than the {Most:N0} bytes that the kernel has for a value on one CPU: aggregate fewer values at once, or use fewer buckets.");
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
        if (expression is IrCompare compare)
            CheckCompare(compare);
    }

    private static void CheckCompare(IrCompare compare)
    {
        if (compare.Left.Type == IrType.Function)
            throw new ProbeQueryException("A function cannot be compared in the kernel: name the functions in the probe instead, or group by the function.");
        if (compare.Left.Type != IrType.Text)
            return;
        if (compare is not ({ Left: IrContext, Right: IrText } or { Left: IrText, Right: IrContext }))
            throw new ProbeQueryException("A text can be compared only as comm with a constant.");
        var text = (compare.Left as IrText ?? (IrText)compare.Right).Value;
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes >= EventLayout.CommBytes)
        {
            throw new ProbeQueryException(
                $"\"{text}\" has {bytes} bytes and can never equal a comm: the kernel cuts names to {EventLayout.CommBytes - 1} bytes. Compare with the first {EventLayout.CommBytes - 1} bytes.");
        }
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ProbeQueryException("A comm ends at its first NUL: a text with one inside can never equal it.");
    }
}
