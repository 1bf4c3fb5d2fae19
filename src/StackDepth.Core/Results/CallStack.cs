using System.Collections.Immutable;
using StackDepth.Symbols;

namespace StackDepth;

/// <summary>The frames of a stack, the innermost first. Equal to another one of the same process with the same frames and the same reason.</summary>
/// <param name="Frames">The frames.</param>
/// <param name="Reason">Why the stack is not complete, or <see cref="StackReason.None"/>.</param>
public sealed record CallStack(ImmutableArray<StackFrame> Frames, StackReason Reason = StackReason.None)
{
    /// <summary>How many frames are left out of <see cref="Frames"/>: of a very deep stack that does not repeat itself the innermost frames are delivered, and the outermost.</summary>
    public int Omitted { get; init; }

    /// <summary>How many of <see cref="Frames"/> come before those that are left out.</summary>
    public int OmittedAt { get; init; }

    /// <summary>The process whose stack it is, where it is a value of a query; 0 for a stack of the kernel, and where another member says whose it is.</summary>
    public int ProcessId { get; init; }

    /// <summary>Of all frames, where some are left out: stacks that differ in those only are not equal.</summary>
    internal ulong OmittedDigest { get; init; }

    /// <summary>The number of frames of the stack, those included that are left out of <see cref="Frames"/>.</summary>
    public int Length => Span.Length + Omitted;

    /// <summary>What the number of frames promises.</summary>
    public Completeness Completeness => Reason.Completeness();

    /// <inheritdoc />
    public bool Equals(CallStack? other) => other is not null && Reason == other.Reason && ProcessId == other.ProcessId && Omitted == other.Omitted && OmittedAt == other.OmittedAt && OmittedDigest == other.OmittedDigest && Span.SequenceEqual(other.Span);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Reason);
        hash.Add(Length);
        foreach (ref readonly var frame in Span)
            hash.Add(frame.Address);
        return hash.ToHashCode();
    }

    /// <summary>
    /// One frame a line, numbered from the innermost, which is 0, as debuggers do. Runs are folded: <c>#1 rec+0x2a (deep)  x4,998</c> are frames 1 to 4,998, and
    /// <c>#3 [even+0x1f | odd+0x22] (deep)  x2,499</c> are two frames that alternate. A stack that is not complete ends with a line that says why.
    /// </summary>
    public override string ToString() => FoldedStack.Write(this);

    /// <summary>The frames in runs, the innermost first, each frame in one. Frames are the same when their addresses are; no run goes over a gap of frames that are left out.</summary>
    public ImmutableArray<StackRun> Fold()
    {
        var gap = Omitted > 0 ? OmittedAt : Span.Length;
        return [.. StackFolding.Fold(Span[..gap]), .. StackFolding.Fold(Span[gap..]).Select(run => run with { First = gap + run.First })];
    }

    internal ReadOnlySpan<StackFrame> Span => Frames.IsDefault ? [] : Frames.AsSpan();
}
