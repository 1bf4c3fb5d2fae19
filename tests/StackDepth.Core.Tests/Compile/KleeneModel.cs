using System.Text;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>
/// Whether conditions hold at a hit, as the documentation says it: an incomplete stack can have any depth that its walk leaves possible, and a comparison is open when two of them
/// decide it differently. Tries them out, and knows nothing of bounds.
/// </summary>
internal sealed record KleeneModel(Hit Hit, Dictionary<IrStack, Walked> Walks, CompileTarget Target)
{
    // Beyond all numbers that queries compare with, and next to them.
    private static readonly long[] Depths =
        [.. Enumerable.Range(1, 150).Concat(Enumerable.Range(998, 5)).Select(static depth => (long)depth), int.MaxValue - 1, int.MaxValue, int.MaxValue + 1L, 1L << 40];

    /// <summary>Whether all hold: false when one fails, whatever is open beside it.</summary>
    internal bool? All(IEnumerable<IrExpression> conditions) => conditions.Select(Holds).Aggregate((bool?)true, static (all, one) => all & one);

    internal bool? Holds(IrExpression condition) => condition switch
    {
        IrConstant constant => constant.Value != 0,
        IrNot not => !Holds(not.Operand),
        IrLogic { Operator: LogicOperator.And } and => Holds(and.Left) & Holds(and.Right),
        IrLogic or => Holds(or.Left) | Holds(or.Right),
        IrCompare { Left.Type: IrType.Text } text => (Text(text.Left) == Text(text.Right)) == (text.Operator == CompareOperator.Equal),
        IrCompare { Left.Type: IrType.Boolean } same => Holds(same.Left) is { } left && Holds(same.Right) is { } right ? (left == right) == (same.Operator == CompareOperator.Equal) : null,
        IrCompare compare => Compare(compare),
        _ => throw IrNodes.Unknown(condition),
    };

    private bool? Compare(IrCompare compare)
    {
        bool yes = false, no = false;
        foreach (var left in Possible(compare.Left))
        {
            foreach (var right in Possible(compare.Right))
            {
                var holds = compare.Operator switch
                {
                    CompareOperator.Equal => left == right,
                    CompareOperator.NotEqual => left != right,
                    CompareOperator.Less => left < right,
                    CompareOperator.LessOrEqual => left <= right,
                    CompareOperator.Greater => left > right,
                    _ => left >= right,
                };
                yes |= holds;
                no |= !holds;
                if (yes && no)
                    return null;
            }
        }
        return yes;
    }

    private IEnumerable<long> Possible(IrExpression number) => number switch
    {
        IrConstant constant => [constant.Value],
        IrContext { Field: ContextField.Pid } => [Hit.Pid],
        IrContext { Field: ContextField.Tid } => [Hit.Tid],
        IrContext { Field: ContextField.Timestamp } => [Hit.Timestamp],
        IrStackCompleteness completeness => [(long)Walk(completeness.Stack).Completeness],
        IrStackReason reason => [(long)Walk(reason.Stack).Reason],
        IrStackLength length => (IsKernels(length.Stack) ? Completeness.Complete : Walk(length.Stack).Completeness) switch
        {
            Completeness.Complete => [Walk(length.Stack).Count],
            Completeness.Approximate => Depths,
            _ => Depths.Where(depth => depth >= Walk(length.Stack).Count),
        },
        _ => throw IrNodes.Unknown(number),
    };

    private static bool IsKernels(IrStack stack) => stack.Kind == StackKind.Kernel || stack.Walk == StackWalk.Kernel;

    private Walked Walk(IrStack stack)
    {
        if (!IsKernels(stack))
            return Walks[stack];
        var frames = (stack.Kind == StackKind.User ? Hit.UserStack : Hit.KernelStack) / 8;
        var cut = frames >= Target.MaxStackFrames;
        return new(frames, stack.Kind == StackKind.User ? (cut ? StackReason.UnprovedLimit : StackReason.NoProof) : cut ? StackReason.FrameLimit : StackReason.None);
    }

    private string Text(IrExpression expression) => expression is IrText text ? text.Value : Encoding.UTF8.GetString(Hit.Comm).TrimEnd('\0');

    private bool PrintMembers(StringBuilder text)
    {
        text.Append($"{Hit}, {string.Join(", ", Walks.Select(static walk => $"{IrPrinter.Name(walk.Key)}: {walk.Value}"))}");
        return true;
    }
}
