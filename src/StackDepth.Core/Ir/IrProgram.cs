using System.Collections.Immutable;

namespace StackDepth.Ir;

/// <summary>A step of the program that runs at every hit, in the order in which the kernel runs them.</summary>
internal abstract record IrStatement
{
    /// <summary>What it looks at.</summary>
    internal virtual IEnumerable<IrExpression> Expressions => [];
}

/// <summary>Leaves the program unless the hit belongs to the processes that the session observes.</summary>
internal sealed record FilterProcess(ProcessScope Scope) : IrStatement;

/// <summary>
/// Where one program runs at entries and returns alike: at an entry, counts the return that the kernel will not report as missed, or leaves the time for it where
/// <paramref name="TakesTime"/>; then leaves the program. What follows is the return's. A hit that was filtered out before does without its return.
/// </summary>
internal sealed record AtEntry(bool TakesTime) : IrStatement;

/// <summary>Fetches a context field once; later uses read the fetched value.</summary>
internal sealed record LoadContext(ContextField Field) : IrStatement;

/// <summary>Fetches a field of the probe once that is more than a load; later uses read the fetched value. A hit at which it cannot be read is counted and leaves the program.</summary>
internal sealed record FetchField(IrField Field) : IrStatement;

/// <summary>Reads a text in memory once; later uses look at what was read. A hit at which it cannot be read is counted and leaves the program.</summary>
internal sealed record LoadText(IrMemoryText Text) : IrStatement;

/// <summary>Asks once whether the thread is in a cgroup; later uses read the answer.</summary>
internal sealed record LoadInCgroup(IrInCgroup Cgroup) : IrStatement;

/// <summary>Leaves the program unless <paramref name="Condition"/> holds.</summary>
internal sealed record Guard(IrExpression Condition) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => [Condition];
}

/// <summary>Counts the hit as undecided, and leaves the program, unless <paramref name="Condition"/> holds: what the query asks of incomplete stacks is then settled.</summary>
internal sealed record Decide(IrExpression Condition) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => [Condition];
}

/// <summary>Computes a number that is used more than once; later uses read it.</summary>
internal sealed record Compute(IrExpression Value) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => [Value];
}

/// <summary>Reads a value of a variable once; later uses read what was found.</summary>
/// <param name="Place">The value.</param>
/// <param name="IsRequired">Whether a hit that finds none counts as unset, and leaves the program.</param>
internal sealed record LoadState(IrPlace Place, bool IsRequired) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => Place.Keys;
}

/// <summary>Counts the hit as unset, and leaves the program, where what was read is not set.</summary>
internal sealed record RequireState(IrPlace Place) : IrStatement;

/// <summary>Changes a variable; a change that finds no room is counted.</summary>
internal sealed record Assign(IrAssign What) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => What.Operands.ToArray();
}

/// <summary>Counts a hit that passed every filter.</summary>
internal sealed record CountHit : IrStatement;

/// <summary>Walks a stack once and stores its frame count, what that promises, and why; a failed walk is counted and leaves the program.</summary>
/// <param name="Stack">Whose frames.</param>
/// <param name="Walk">How they are found.</param>
/// <param name="MaxFrames">The most frames that the walk counts; 0 where there is no walk.</param>
/// <param name="OnDemand">Whether only room is made for it: it is walked where a hit is kept.</param>
internal sealed record Capture(IrStack Stack, StackWalk Walk, int MaxFrames, bool OnDemand = false) : IrStatement;

/// <summary>Leaves the program unless the hit is one that <paramref name="What"/> chooses.</summary>
/// <param name="What">The control.</param>
/// <param name="Index">Its number among the query's controls.</param>
internal sealed record Control(IrControl What, int Index) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => What.Expressions;
}

/// <summary>Gives the value to the query's sink.</summary>
internal sealed record Deliver(IrSink Sink) : IrStatement
{
    internal override IEnumerable<IrExpression> Expressions => Sink.Expressions;
}

/// <summary>The linear form of a query, ready to be lowered.</summary>
internal sealed record IrProgram(IrProbe Probe, ImmutableArray<IrStatement> Statements)
{
    /// <summary>The sets of functions whose frames are counted, in the order of their numbers.</summary>
    internal ImmutableArray<IrFunctions> Counted
    {
        get
        {
            var found = ImmutableArray.CreateBuilder<IrFunctions>();
            foreach (var statement in Statements)
            {
                foreach (var expression in statement.Expressions)
                    expression.Any(Find);
            }
            return found.ToImmutable();

            bool Find(IrExpression expression)
            {
                var functions = expression is IrStackCountOf count ? count.Functions : (expression as IrStackBound)?.Functions;
                if (functions is not null && !found.Contains(functions))
                    found.Add(functions);
                return false;
            }
        }
    }

    public bool Equals(IrProgram? other) => other is not null && Probe == other.Probe && Statements.SequenceEqual(other.Statements);

    public override int GetHashCode() => Statements.Aggregate(Probe.GetHashCode(), HashCode.Combine);
}

/// <summary>Which processes' hits count.</summary>
internal abstract record ProcessScope
{
    /// <summary>Every process but the observing one, so that a probe cannot feed itself.</summary>
    internal sealed record AllBut(int ProcessId) : ProcessScope;

    /// <summary>Every process, where the observing one cannot run the probed code: the program need not ask whose hit it is.</summary>
    internal sealed record All : ProcessScope;

    /// <summary>One process, told apart by the program.</summary>
    internal sealed record One(int ProcessId) : ProcessScope;

    /// <summary>One process, told apart by the link: the kernel runs the program for that process's threads only, so the program need not ask.</summary>
    internal sealed record Linked(int ProcessId) : ProcessScope;

    /// <summary>The processes in the <c>followed</c> map: a command that the session started, and its descendants.</summary>
    internal sealed record Followed : ProcessScope;
}
