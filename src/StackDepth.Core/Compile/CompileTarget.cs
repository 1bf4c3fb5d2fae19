using System.Collections.Immutable;
using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Btf;

namespace StackDepth.Compile;

/// <summary>
/// All that a program depends on beside the query: facts of the kernel, the scope and the sizes. Compiling is a pure function of query and target, so it is the same on
/// every machine.
/// </summary>
/// <param name="Scope">Which processes' hits count.</param>
/// <param name="Walk">How user stacks are walked where the query does not say it.</param>
/// <param name="MaxStackFrames">The most frames that the kernel's walk stores (<c>kernel.perf_event_max_stack</c>, at most 127).</param>
/// <param name="RingBytes">The size of the ring buffer's data area, a power of two.</param>
/// <param name="MaxKeys">How many groups fit.</param>
/// <param name="PreallocateGroups">Whether the table of groups must be allocated up front: kernels before 6.1 allocate in the program by means that can deadlock.</param>
/// <param name="MaxFrames">The most frames that our own walks count.</param>
/// <param name="Fields">Where the kernel's fields are that our own walks read; null where no stack is walked by them.</param>
/// <param name="SequenceShift">See <see cref="Lowering.Walks.WalkTarget"/>.</param>
/// <param name="WalksStatically">Whether the kernel cannot run our walks (bpf_loop, bpf_find_vma, BTF): frame pointers are then followed by a bounded loop in the program.</param>
/// <param name="Sites">How many sites the probe has.</param>
internal sealed record CompileTarget(
    ProcessScope Scope, StackWalk Walk, int MaxStackFrames, int RingBytes, int MaxKeys, bool PreallocateGroups = false, int MaxFrames = AttachOptions.DefaultMaxFrames,
    KernelOffsets? Fields = null, int SequenceShift = 1, bool WalksStatically = false, int Sites = 1)
{
    /// <summary>How a probe at returns is at the entries too; null where it is not, and all that is known of an activation is its return.</summary>
    internal SessionTarget? Session { get; init; }

    /// <summary>Whether <paramref name="query"/> asks how long activations took.</summary>
    internal static bool TakesTime(IrQuery query) => query.Expressions.Any(static expression => expression.Any(static node => node is IrContext { Field: ContextField.Elapsed }));

    /// <summary>Where the fields lie that the query names.</summary>
    internal ImmutableDictionary<string, FieldPlace> Named { get; init; } = ImmutableDictionary<string, FieldPlace>.Empty;

    /// <summary>
    /// How many bytes per CPU may be allocated up front for groups too large for the kernel to allocate many of them at once, as those of quantiles are: it takes memory per CPU from a few
    /// pages that it keeps ready (PCPU_EMPTY_POP_PAGES_HIGH, mm/percpu.c), and the hits of further new keys are lost until it has more.
    /// </summary>
    internal long LargeGroupBytes { get; init; }

    /// <summary>The number of the probe's first site: those of a query's probes follow each other.</summary>
    internal int FirstSite { get; init; }

    /// <summary>How <paramref name="stack"/> is walked. Kernel stacks have one walk; Python's frames have their own, which proves what it counts as <see cref="StackWalk.Auto"/> does.</summary>
    internal StackWalk WalkOf(IrStack stack) => stack.Kind switch
    {
        StackKind.Kernel => StackWalk.Kernel,
        StackKind.Python => StackWalk.Auto,
        _ => stack.Walk ?? Walk,
    };

    /// <summary>The stack whose frames are delivered for <paramref name="stack"/>: the kernel's walk gives them where ours cannot run.</summary>
    internal IrStack FramesOf(IrStack stack) => WalksStatically && WalkOf(stack) != StackWalk.Kernel ? stack with { Walk = StackWalk.Kernel } : stack;

    /// <summary>Whether frames are to be counted that the kernel's walk finds, which gives none of them.</summary>
    internal bool CountsFramesOfKernelWalk(IrQuery query)
    {
        foreach (var expression in query.Expressions)
        {
            if (expression.Any(part => part is IrStackCountOf count && WalkOf(count.Stack) == StackWalk.Kernel))
                return true;
        }
        return false;
    }

    /// <summary>Whether the program must ask at which site it was hit, where that matters.</summary>
    internal bool ManySites => Sites > 1;

    /// <summary>Whether incomplete values of <paramref name="stack"/> are bounds: all but the depths of the kernel's walk, which are compared as they are.</summary>
    internal bool IsBounded(IrStack stack) => !stack.IsWalked || WalkOf(stack) != StackWalk.Kernel;

    /// <summary>The walks of ours that <paramref name="query"/> uses.</summary>
    internal List<StackWalk> OwnWalks(IrQuery query)
    {
        List<StackWalk> found = [];
        foreach (var expression in query.Expressions)
            Find(expression);
        if (query.Sink is IrAggregate { Kept: { } kept })
            Add(kept.Stack);
        return found;

        void Add(IrStack stack)
        {
            if (stack.Kind != StackKind.Python && WalkOf(stack) is var walk and not StackWalk.Kernel && !found.Contains(walk))
                found.Add(walk);
        }

        void Find(IrExpression expression)
        {
            if (expression is IrStackValue value)
                Add(value.Stack);
            foreach (var operand in expression.Operands)
                Find(operand);
        }
    }

    /// <summary>Whether <paramref name="query"/> asks for Python's frames.</summary>
    internal static bool UsesPython(IrQuery query) => query.Expressions.Any(static expression => expression.Any(static node => node is IrStackValue { Stack.Kind: StackKind.Python }));

    /// <summary>Whether <paramref name="query"/> asks for something of a stack that is found without a walk.</summary>
    internal static bool Measures(IrQuery query) => query.Expressions.Any(static expression => expression.Any(static node => node is IrStackValue { Stack.IsWalked: false }));

    /// <summary>Whether <paramref name="query"/> asks for recursion.</summary>
    internal static bool CountsActivations(IrQuery query) => query.Expressions.Any(static expression => expression.Any(static node => node is IrStackValue { Stack.Kind: StackKind.Recursion }));

    /// <summary>The most frames that <paramref name="walk"/> counts.</summary>
    internal int FrameLimit(StackWalk walk) => walk == StackWalk.Kernel ? MaxStackFrames
        : WalksStatically ? int.Min(MaxFrames, StaticWalkLowering.MostFrames) : MaxFrames;
}
