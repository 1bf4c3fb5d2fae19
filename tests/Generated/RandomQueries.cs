using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>Random queries of every shape that the type check lets pass.</summary>
internal sealed class RandomQueries(Random random, params StackWalk?[] walks)
{
    private static readonly long[] Edges = [0, 1, -1, 7, 8, int.MaxValue, int.MinValue, (long)int.MaxValue + 1, long.MaxValue, long.MinValue, long.MaxValue - 1];

    private IrProbe _probe = new IrUserProbe("bin", "f");
    private SessionTarget? _session;

    /// <summary>What programs at returns that are at entries too call; null for queries without such.</summary>
    internal SessionTarget? Session { get; init; } = InventedSession;
    private bool _hasFewKeys;

    internal static ImmutableArray<string> Comms { get; } = ["", "sh", "python3", "8 bytes!", "15 bytes of nam", "größe"];

    /// <summary>Ids of processes and threads that hit, or could.</summary>
    internal static ImmutableArray<int> InventedIds { get; } = [7, 8, 1000, int.MaxValue];

    /// <summary>What a session's program calls, and where it finds how many returns are pending, where there is no kernel to ask.</summary>
    internal static SessionTarget InventedSession { get; } = new(new(IsReturn: 71_001, Cookie: 71_002), new(TaskUprobes: 8, Depth: 4));

    /// <summary>The ids that queries ask for; the first two are the processes of scopes.</summary>
    internal ImmutableArray<int> Ids { get; init; } = InventedIds;

    /// <summary>Whether it is known when hits are, and how long activations take.</summary>
    internal bool KnowsTime { get; init; } = true;

    /// <summary>Whether stacks of the kernel are asked for.</summary>
    internal bool HasKernelStacks { get; init; } = true;

    internal (IrQuery Query, CompileTarget Target) Next()
    {
        PickProbe();
        return NextAtProbe();
    }

    private void PickProbe()
    {
        _probe = random.Next(4) == 0 ? new IrUserReturnProbe("bin", "f") : new IrUserProbe("bin", "f");
        _session = _probe.IsReturn && random.Next(2) == 0 ? Session : null;
    }

    private (IrQuery Query, CompileTarget Target) NextAtProbe()
    {
        var predicates = ImmutableArray.CreateBuilder<IrExpression>();
        while (random.Next(2) == 0)
            predicates.Add(Truth(3));
        var target = new CompileTarget(Scope(), StackWalk.Kernel, Pick([127, 127, 10, 1]), 1 << 16, Pick([1000, 1000, 2]), random.Next(2) == 0) { Session = _session, Named = RandomFields.Named };
        // Then few nodes of stacks fit, too.
        _hasFewKeys = target.MaxKeys < 1000;
        return (new(_probe, predicates.ToImmutable(), Sink()) { Controls = [.. Controls()] }, target);
    }

    private readonly List<IrVariable> _variables = [];

    /// <summary>A query of one to three probes, some of them silent, with variables that they change and read.</summary>
    internal (IrQuery Query, CompileTarget Target) NextJoined()
    {
        PickProbe();
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            _variables.Add(new(
                $"v{count}", Pick([IrType.Int32, IrType.Int64, IrType.UInt32, IrType.UInt64, IrType.Boolean]),
                [.. Enumerable.Range(0, random.Next(3)).Select(_ => Pick([IrType.Int32, IrType.Int64, IrType.Text]))]));
        }
        var branches = Enumerable.Range(0, random.Next(1, 4)).Select(index => new IrBranch(_probe.IsReturn ? new IrUserReturnProbe("bin", $"f{index}") : new IrUserProbe("bin", $"f{index}"), [])).ToList();
        for (var index = 0; index < branches.Count; index++)
        {
            List<IrExpression> steps = [];
            while (random.Next(3) > 0)
                steps.Add(random.Next(2) == 0 ? Truth(2) : Assignment(Pick(_variables)));
            var silent = index > 0 && random.Next(3) == 0;
            if (silent)
                steps.Add(Assignment(Pick(_variables)));
            branches[index] = new(branches[index].Probe with { IsSilent = silent }, [.. steps]);
        }
        // What is read is set somewhere.
        foreach (var variable in _variables)
            branches[0] = branches[0] with { Predicates = branches[0].Predicates.Add(Assignment(variable, AssignmentKind.Set)) };
        var (query, target) = NextAtProbe();
        if (random.Next(3) == 0)
            query = query with { Predicates = query.Predicates.Add(Assignment(Pick(_variables))) };
        return (query with { Probe = new IrAnyProbe([.. branches]) }, target);
    }

    private IrAssign Assignment(IrVariable variable, AssignmentKind? only = null)
    {
        var kind = only ?? (AssignmentKind)random.Next(variable.Type == IrType.Boolean ? 1 : 0, 3);
        if (kind == AssignmentKind.Add && variable.Type == IrType.Boolean)
            kind = AssignmentKind.Set;
        return new(kind, Place(variable), kind == AssignmentKind.Clear ? null : variable.Type == IrType.Boolean ? Truth(1) : Number(variable.Type, 1));
    }

    private IrPlace Place(IrVariable variable) => new(variable, [.. variable.KeyTypes.Select(type => type switch
    {
        IrType.Text => new IrContext(ContextField.Comm, IrType.Text),
        IrType.Int32 => Int32(),
        _ => Int64(),
    })]);

    /// <summary>The value of a variable of this type, where there is one; with another value for when it is not set, or without.</summary>
    private IrExpression? State(IrType type)
    {
        var fitting = _variables.Where(variable => variable.Type == type).ToArray();
        if (fitting.Length == 0 || random.Next(2) == 0)
            return null;
        var place = Place(Pick(fitting));
        return random.Next(2) == 0
            ? new IrStateValue(place, IsRequired: true)
            : new IrIf(new IrStateIsSet(place), new IrStateValue(place, IsRequired: false), new IrConstant(type == IrType.Boolean ? 1 : random.Next(-2, 3) is var number && type.IsUnsigned() ? Math.Abs(number) : number, type));
    }

    internal IrExpression Truth(int depth) =>
        _variables.Count > 0 && random.Next(4) == 0 ? random.Next(3) == 0 ? new IrStateIsSet(Place(Pick(_variables))) : State(IrType.Boolean) ?? AnyTruth(depth) : AnyTruth(depth);

    private IrExpression AnyTruth(int depth) => random.Next(depth == 0 ? 6 : Computes ? 16 : 10) switch
    {
        0 => new IrConstant(random.Next(2), IrType.Boolean),
        1 => new IrCompare(Pick([CompareOperator.Equal, CompareOperator.NotEqual]), new IrStackCompleteness(Stack()), new IrConstant(random.Next(4), IrType.Completeness)),
        2 => Swap(Pick([CompareOperator.Equal, CompareOperator.NotEqual]), Text() is var text ? text : throw new InvalidOperationException(), new IrText(TextConstant(text))),
        3 or 4 => new IrCompare(Comparison(), Int32(), Int32()),
        5 => new IrCompare(Comparison(), Int64(), Int64()),
        6 => new IrCompare(Pick([CompareOperator.Equal, CompareOperator.NotEqual]), Truth(depth - 1), Truth(depth - 1)),
        7 => new IrNot(Truth(depth - 1)),
        10 => new IrIf(Truth(depth - 1), Truth(depth - 1), Truth(depth - 1)),
        11 => IsIn(depth),
        15 => _probe.IsReturn ? new IrConstant(1, IrType.Boolean) : Pick(RandomFields.Of(IrType.Boolean)),
        12 => Text() is var text ? new IrStartsWith(text, Prefix(text)) : throw new InvalidOperationException(),
        13 or 14 => AnyNumber() is var type && Number(type, depth) is var left ? new IrCompare(Comparison(), left, Number(type, depth)) : throw new InvalidOperationException(),
        _ => new IrLogic(Pick([LogicOperator.And, LogicOperator.Or]), Truth(depth - 1), Truth(depth - 1)),
    };

    private IrSink Sink() => random.Next(4) switch
    {
        0 => new IrEmit([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Field())]),
        1 => new IrEmitExtremum(random.Next(2) == 0, Number()),
        2 when random.Next(4) == 0 => new IrCountHits(),
        3 when random.Next(5) == 0 => new IrAggregate(AggregateParts.None, null, null, Keep()),
        _ => random.Next(5) == 0
            ? new IrAggregate(AggregateParts.Count, random.Next(2) == 0 ? null : Field(), Key())
            : Aggregate(Number()),
    };

    private IrAggregate Aggregate(IrExpression value) =>
        new((AggregateParts)random.Next(1, 64), value, Key(), random.Next(4) == 0 ? Keep() : null, random.Next(3) switch
        {
            0 => null,
            1 => Linear(),
            _ => new IrFineBuckets(value.Type != IrType.Int32),
        });

    /// <summary>Ranges that have too many buckets, or none, are tried again with other limits.</summary>
    private IrLinearBuckets Linear()
    {
        while (true)
        {
            var (least, end, step) = (Number64(), Number64(), random.Next(2) == 0 ? Number64() : random.NextInt64(1, long.MaxValue) >> random.Next(63));
            if (IrLinearBuckets.Error(least, end, step) is null)
                return new(least, end, step);
        }
    }

    private IEnumerable<IrControl> Controls()
    {
        while (random.Next(3) == 0)
        {
            yield return random.Next(4) switch
            {
                0 => new IrSample(random.Next(1, 4)),
                1 => new IrThrottle(random.Next(2) == 0 ? random.Next(1, 10) : random.NextInt64(1, long.MaxValue)),
                2 => new IrTake(random.Next(1, 10)),
                _ => new IrDistinct([.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Field())]),
            };
        }
    }

    private IrKeep Keep() => new(Pick([1, 1, 2, 5, KeptLayout.Most]), random.Next(2) == 0, Number(), Stack(), Key());

    private IrExpression? Key() => random.Next(4) switch { 0 or 1 => null, 2 => Field(), _ => new IrTuple([.. Enumerable.Range(0, random.Next(2, 4)).Select(_ => Field())]) };

    private IrExpression Field() => random.Next(5) switch
    {
        0 => Text(),
        1 => new IrContext(ContextField.Function, IrType.Function),
        2 => Truth(1),
        // Each is a walk of its own, and a function in the program: few of them.
        3 when Computes && !_hasFewKeys && random.Next(4) == 0 => new IrStackFrames(new(HasKernelStacks ? Pick([StackKind.User, StackKind.Kernel]) : StackKind.User) { Frames = random.Next(2) == 0 ? new() : new(random.Next(3), random.Next(3) == 0 ? null : random.Next(1, 20)) }),
        4 when Computes && random.Next(4) == 0 => Number(IrType.UInt64, 3),
        3 when random.Next(2) == 0 => random.Next(2) == 0 ? new IrStackCompleteness(Stack()) : new IrStackReason(Stack()),
        _ => Number(),
    };

    /// <summary>Whether the queries compute, beside comparing.</summary>
    internal bool Computes { get; init; } = true;

    // Aggregates take no unsigned number of 64 bits.
    private IrExpression Number() => Computes && random.Next(2) == 0 ? Number(Pick([IrType.Int32, IrType.Int64, IrType.UInt32]), 3) : random.Next(3) == 0 ? Int64() : Int32();

    /// <summary>A number of this type that is computed by up to <paramref name="depth"/> operations one in the other.</summary>
    internal IrExpression Number(IrType type, int depth) => depth == 0 ? Leaf(type) : random.Next(12) switch
    {
        0 or 1 => Leaf(type),
        2 => new IrUnary(Pick(Enum.GetValues<UnaryOperator>()), Number(type, depth - 1)),
        3 => AnyNumber() is var from && from != type ? new IrConvert(Number(from, depth - 1), type) : Leaf(type),
        4 => new IrIf(Truth(depth - 1), Number(type, depth - 1), Number(type, depth - 1)),
        _ => Pick(Enum.GetValues<ArithmeticOperator>()) is var op && op is ArithmeticOperator.ShiftLeft or ArithmeticOperator.ShiftRight
            ? new IrArithmetic(op, Number(type, depth - 1), Number(IrType.Int32, depth - 1), type)
            : Number(type, depth - 1) is var left ? new IrArithmetic(op, left, random.Next(6) == 0 ? left : Number(type, depth - 1), type) : throw new InvalidOperationException(),
    };

    private IrExpression Leaf(IrType type) => _variables.Count > 0 && State(type) is { } state ? state : random.Next(8) == 0 && !_probe.IsReturn ? Pick(RandomFields.Of(type)) : type switch
    {
        IrType.Int32 => random.Next(5) == 0 ? new IrContext(ContextField.Cpu, IrType.Int32) : random.Next(4) == 0 ? new IrConstant((int)Number64(), type) : Int32(),
        IrType.Int64 when _probe.IsReturn && random.Next(2) == 0 =>
            _session is not null && KnowsTime && random.Next(2) == 0 ? new IrContext(ContextField.Elapsed, type) : new IrReturnValue(),
        IrType.Int64 => random.Next(2) == 0 && !_probe.IsReturn ? new IrArgument(random.Next(IrArgument.InRegisters)) : Int64(),
        IrType.UInt32 => random.Next(3) == 0 ? new IrConstant((uint)Number64(), type) : new IrContext(Pick([ContextField.Uid, ContextField.Gid]), type),
        _ => random.Next(3) == 0 ? new IrConstant(Number64(), type) : new IrContext(ContextField.CgroupId, type),
    };

    private IrType AnyNumber() => Pick([IrType.Int32, IrType.Int64, IrType.UInt32, IrType.UInt64]);

    private IrIsIn IsIn(int depth)
    {
        var type = AnyNumber();
        var operand = Number(type, depth - 1);
        return new(operand, [.. Enumerable.Range(0, random.Next(5)).Select(_ => Leaf(type)).OfType<IrConstant>().Select(static constant => constant.Value).Distinct()]);
    }

    /// <summary>A comm, or one of two texts in memory: more do not fit the BPF stack.</summary>
    private IrExpression Text() => random.Next(3) == 0 && Computes && !_probe.IsReturn ? new IrArgumentText(random.Next(2), Pick([1, 6, 14])) : new IrContext(ContextField.Comm, IrType.Text);

    private string TextConstant(IrExpression text)
    {
        while (true)
        {
            var constant = CommConstant();
            if (text is not IrMemoryText memory || System.Text.Encoding.UTF8.GetByteCount(constant) <= memory.MaxBytes)
                return constant;
        }
    }

    private string Prefix(IrExpression text)
    {
        var comm = TextConstant(text);
        // Of whole characters, each of which is one UTF-16 unit here.
        return comm[..random.Next(comm.Length + 1)];
    }

    private IrExpression Int32() => random.Next(6) switch
    {
        0 => new IrContext(ContextField.Pid, IrType.Int32),
        1 => new IrContext(ContextField.Tid, IrType.Int32),
        2 => new IrConstant(random.Next(2) == 0 ? Pick(Ids) : random.Next(-1, 130), IrType.Int32),
        3 when HasKernelStacks => new IrStackLength(new(StackKind.Kernel)),
        _ => new IrStackLength(Stack()),
    };

    private IrExpression Int64() => random.Next(3) == 0 ? new IrConstant(Number64(), IrType.Int64) : KnowsTime ? new IrContext(ContextField.Timestamp, IrType.Int64) : _probe.IsReturn ? new IrReturnValue() : new IrArgument(random.Next(IrArgument.InRegisters));

    internal long Number64() => random.Next(3) switch
    {
        0 => Pick(Edges),
        1 => random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64),
        _ => random.Next(-3, 10),
    };

    private IrCompare Swap(CompareOperator op, IrExpression left, IrExpression right) => random.Next(2) == 0 ? new(op, left, right) : new(op, right, left);

    private ProcessScope Scope() => random.Next(5) switch
    {
        0 => new ProcessScope.AllBut(Ids[0]),
        1 => new ProcessScope.One(Ids[1]),
        2 => new ProcessScope.Linked(Ids[1]),
        3 => new ProcessScope.All(),
        _ => new ProcessScope.Followed(),
    };

    // A constant of 16 bytes would not pass the type check.
    private string CommConstant() => Pick(Comms.Where(static c => System.Text.Encoding.UTF8.GetByteCount(c) < EventLayout.CommBytes).ToArray());

    private IrStack Stack() => new(random.Next(3) == 0 && HasKernelStacks ? StackKind.Kernel : StackKind.User, walks.Length > 0 ? Pick(walks) : random.Next(3) == 0 ? StackWalk.Kernel : null);

    private CompareOperator Comparison() => Pick(Enum.GetValues<CompareOperator>());

    private T Pick<T>(IReadOnlyList<T> choices) => choices[random.Next(choices.Count)];
}
