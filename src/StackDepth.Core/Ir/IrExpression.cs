using System.Collections.Immutable;

namespace StackDepth.Ir;

/// <summary>The types of values that a program in the kernel computes with. How numbers are kept: <see cref="IrNumbers"/>.</summary>
internal enum IrType
{
    Boolean,
    Int32,
    Int64,
    Text,
    Function,
    Tuple,
    Completeness,
    Reason,
    UInt32,
    UInt64,

    /// <summary>A stack with its frames.</summary>
    Stack,
}

/// <summary>What a probe knows without looking at a stack.</summary>
internal enum ContextField
{
    Pid,
    Tid,
    Comm,
    Function,
    Timestamp,
    Uid,
    Gid,
    Cpu,
    CgroupId,

    /// <summary>Nanoseconds from the entry of the activation that returns; see <see cref="AtEntry"/>.</summary>
    Elapsed,
}

internal enum StackKind
{
    User,
    Kernel,

    /// <summary>The frames of Python code that the interpreter keeps for the thread.</summary>
    Python,

    /// <summary>The activations of the probed function that live on the thread.</summary>
    Recursion,

    /// <summary>The memory of the user stack that the thread runs on.</summary>
    Region,
}

/// <summary>One of the stacks that a program can capture.</summary>
/// <param name="Kind">Whose frames.</param>
/// <param name="Walk">How they are found; null for the walk that the options of the attachment name.</param>
internal sealed record IrStack(StackKind Kind, StackWalk? Walk = null)
{
    /// <summary>Which of the frames are written down; null where they are only counted.</summary>
    internal IrFrames? Frames { get; init; }

    /// <summary>Whether its capture walks from frame to frame.</summary>
    internal bool IsWalked => Kind is StackKind.User or StackKind.Kernel or StackKind.Python;

    // Written out: to compare enums by way of the runtime's comparers, which the compiler would do, takes code that is compiled at every start.
    public bool Equals(IrStack? other) => other is not null && Kind == other.Kind && Walk == other.Walk && Frames == other.Frames;

    public override int GetHashCode() => ((int)Kind * 16) + (Walk is { } walk ? (int)walk + 1 : 0) + ((Frames?.GetHashCode() ?? 0) * 31);
}

/// <summary>Which frames of a stack are written down.</summary>
/// <param name="Skip">How many are left out at the inner end.</param>
/// <param name="Take">How many follow at most; null for all.</param>
internal sealed record IrFrames(int Skip = 0, int? Take = null)
{
    /// <summary>How many frames are looked at, where no more than so many can be.</summary>
    internal int Limit(int most) => (int)long.Min(most, Take is { } take ? (long)Skip + take : most);
}

internal enum CompareOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

internal enum LogicOperator
{
    And,
    Or,
}

/// <summary>An expression of the query. The set of nodes is closed: every switch over it ends in <see cref="IrNodes.Unknown"/>.</summary>
internal abstract record IrExpression(IrType Type)
{
    /// <summary>The operands, left to right.</summary>
    internal virtual ReadOnlySpan<IrExpression> Operands => [];

    /// <summary>The same operation on other operands, as many as it has.</summary>
    internal virtual IrExpression With(ReadOnlySpan<IrExpression> operands) => operands.IsEmpty ? this : throw IrNodes.Unknown(this);

    /// <summary>The same operation on what <paramref name="change"/> makes of its operands.</summary>
    internal IrExpression Map(Func<IrExpression, IrExpression> change)
    {
        var operands = Operands.ToArray();
        for (var index = 0; index < operands.Length; index++)
            operands[index] = change(operands[index]);
        return operands.Length == 0 ? this : With(operands);
    }

    /// <summary>Whether the expression is, or contains, a node for which <paramref name="test"/> holds.</summary>
    internal bool Any(Func<IrExpression, bool> test)
    {
        if (test(this))
            return true;
        foreach (var operand in Operands)
        {
            if (operand.Any(test))
                return true;
        }
        return false;
    }

    /// <summary>Whether the expression needs a captured stack.</summary>
    internal bool UsesStack => Any(static e => e is IrStackValue);
}

/// <summary>A number or truth value that is known when the query is built.</summary>
internal sealed record IrConstant(long Value, IrType Type) : IrExpression(Type);

/// <summary>A text that is known when the query is built.</summary>
internal sealed record IrText(string Value) : IrExpression(IrType.Text);

internal sealed record IrContext(ContextField Field, IrType Type) : IrExpression(Type);

/// <summary>Something that the capture of <paramref name="Stack"/> stored.</summary>
internal abstract record IrStackValue(IrStack Stack, IrType Type) : IrExpression(Type);

/// <summary>The frame count; of <see cref="StackKind.Recursion"/>, the number of activations.</summary>
internal sealed record IrStackLength(IrStack Stack) : IrStackValue(Stack, IrType.Int32);

/// <summary>What the frame count promises.</summary>
internal sealed record IrStackCompleteness(IrStack Stack) : IrStackValue(Stack, IrType.Completeness);

/// <summary>Why the stack is not complete.</summary>
internal sealed record IrStackReason(IrStack Stack) : IrStackValue(Stack, IrType.Reason);

/// <summary>The stack itself, of which <see cref="IrStack.Frames"/> says which frames are written down.</summary>
internal sealed record IrStackFrames(IrStack Stack) : IrStackValue(Stack, IrType.Stack);

/// <summary>How many of the frames lie in some functions.</summary>
internal sealed record IrStackCountOf(IrStack Stack, IrFunctions Functions) : IrStackValue(Stack, IrType.Int32);

/// <summary>Bytes of a <see cref="StackKind.Region"/>: those in use, or those that are left.</summary>
internal sealed record IrStackBytes(IrStack Stack, bool Free) : IrStackValue(Stack, IrType.Int64);

/// <summary>The least, or the greatest, value that the stack can truly have: of its depth, of its frames in <paramref name="Functions"/>, of its bytes in use, or of those <paramref name="Free"/>.</summary>
internal sealed record IrStackBound(IrStack Stack, bool Greatest, IrFunctions? Functions = null, bool Free = false) : IrStackValue(Stack, IrType.Int64);

/// <summary>A set of functions as the user wrote them: names and globs, of any file or behind the name of one (<c>module!symbol</c>).</summary>
internal sealed record IrFunctions(ImmutableArray<string> Names)
{
    public bool Equals(IrFunctions? other) => other is not null && Names.SequenceEqual(other.Names);

    public override int GetHashCode() => Names.Aggregate(17, HashCode.Combine);
}

internal sealed record IrCompare(CompareOperator Operator, IrExpression Left, IrExpression Right) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Left, Right };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => this with { Left = operands[0], Right = operands[1] };
}

internal sealed record IrLogic(LogicOperator Operator, IrExpression Left, IrExpression Right) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Left, Right };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => this with { Left = operands[0], Right = operands[1] };
}

internal sealed record IrNot(IrExpression Operand) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => new[] { Operand };

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrNot(operands[0]);
}

/// <summary>Several values at once, for an aggregate that needs them all and looks at none: a count.</summary>
internal sealed record IrTuple(ImmutableArray<IrExpression> Items) : IrExpression(IrType.Tuple)
{
    internal override ReadOnlySpan<IrExpression> Operands => Items.AsSpan();

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => new IrTuple([.. operands]);

    public bool Equals(IrTuple? other) => other is not null && Items.SequenceEqual(other.Items);

    public override int GetHashCode() => Items.Aggregate(17, HashCode.Combine);
}

internal static class IrNodes
{
    /// <summary>The exception for a switch that met a node it does not know: a defect of StackDepth, never of the query.</summary>
    internal static InvalidOperationException Unknown(object node) => new($"StackDepth met an IR node that it does not know here: {node.GetType().Name}. Please report this.");
}
