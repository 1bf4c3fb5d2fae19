using System.Collections.Immutable;
using StackDepth.Compile.Lowering.Activations;
using StackDepth.Compile.Lowering.Python;
using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Python;
using StackDepth.Native.Spec;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering;

/// <summary>Lowers the steps of a program one after another, and names the maps that they need.</summary>
internal static class ProgramLowering
{
    // In bytes: a page.
    private const int LargeGroup = 4096;

    /// <param name="program">The steps.</param>
    /// <param name="target">What the program depends on beside them.</param>
    /// <param name="numbers">What it has in common with the query's other programs.</param>
    internal static CompiledQuery Run(IrProgram program, CompileTarget target, SharedNumbers numbers)
    {
        var counted = numbers.Counted;
        if (counted.Length > FunctionMarks.MostSets)
            throw new ProbeQueryException($"A query counts the frames of at most {FunctionMarks.MostSets} sets of functions, not of {counted.Length}: name several functions in one CountOf.");
        var context = new LoweringContext(target)
        {
            NeedsIds = program.Statements.Any(static s => s is LoadContext { Field: ContextField.Pid or ContextField.Tid }),
            Counted = counted,
            CgroupFolders = numbers.Cgroups,
            Kept = program.Statements[^1] is Deliver { Sink: IrAggregate { Kept: { } keep } } ? new(keep, target.FramesOf(keep.Stack)) : null,
            Probe = program.Probe,
            EntersAtFunctions = program.Probe is IrUserProbe user && SymbolQuery.IsFunction(user.Symbols),
            CallsFunctions = program.Statements.OfType<Capture>().Any(capture => WalkLowering.NeedsMemory(capture, target) || capture.Stack.Frames is not null),
            // Without a walk of ours, the memory of a capture slot ends where that begins which only walks need.
            RegionCache = program.Statements.OfType<Capture>().Any(capture => WalkLowering.IsOwn(capture, target) || capture.Stack.Kind == StackKind.Recursion)
                ? WalkMemory.Bytes + WalkMemory.StopBytes
                : WalkMemory.Segments,
        };
        var capture = new CaptureLowering(context, program);
        var asm = context.Asm;
        var sink = ((Deliver)program.Statements[^1]).Sink;
        var aggregate = sink is IrAggregate { Parts: not AggregateParts.None } parts ? AggregateLayout.Of(parts) : null;
        var key = sink is IrAggregate { Key: { } keyExpression } ? EventLayout.OfKey(keyExpression) : null;
        // The template is as long as what any new key begins with.
        var template = int.Max(key is null ? 0 : aggregate!.Size, context.Kept is { Key: not null } byKey ? byKey.OrderBytes : 0);
        var layout = new ResultLayout(key is null ? aggregate?.Size ?? 0 : 0, template);
        var record = sink switch
        {
            IrEmit emit => EventLayout.Of(emit.Fields),
            IrEmitExtremum extremum => EventLayout.Of(extremum.Value),
            _ => null,
        };

        asm.Origin = program.Probe.ToString();
        asm.Mov(Register.R6, Register.R1);
        var session = program.Statements.Any(static statement => statement is AtEntry) ? new SessionLowering(context) : null;
        foreach (var statement in program.Statements)
        {
            asm.Origin = IrPrinter.Print(statement);
            switch (statement)
            {
                case FilterProcess filter:
                    ContextLowering.Filter(context, filter.Scope);
                    break;
                case AtEntry entry:
                    session!.Lower(entry);
                    break;
                case LoadContext load:
                    ContextLowering.Load(context, load.Field);
                    break;
                case FetchField fetch:
                    FieldLowering.Fetch(context, fetch.Field);
                    break;
                case LoadInCgroup load:
                    ContextLowering.Load(context, load.Cgroup);
                    break;
                case LoadText load:
                    TextLowering.Load(context, load.Text);
                    break;
                case Guard guard:
                    ExpressionLowering.BranchUnless(context, guard.Condition, context.Leave);
                    break;
                case Decide decide:
                    Undecided(context, decide.Condition);
                    break;
                case Compute compute:
                    ExpressionLowering.Compute(context, compute.Value);
                    break;
                case LoadState load:
                    StateLowering.Load(context, load);
                    break;
                case RequireState require:
                    StateLowering.Require(context, require.Place);
                    break;
                case Assign assign:
                    StateLowering.Assign(context, assign.What);
                    break;
                case CountHit:
                    context.LoadResults();
                    context.Increment(HealthCounter.Hits);
                    break;
                case Capture step:
                    capture.Lower(step);
                    break;
                case Control step:
                    ControlLowering.Lower(context, step);
                    break;
                case Deliver { Sink: IrCountHits or IrDiscard }:
                    break;
                case Deliver { Sink: IrAggregate step }:
                    // The second walk of a kept hit replaces what the first one found, so that comes last.
                    var aggregated = asm.CreateLabel("aggregated");
                    // Hits that are kept over all are kept also where their group found no room.
                    if (aggregate is not null)
                        AggregateLowering.Lower(context, step, aggregate, layout, key, context.Kept is { Key: null } ? aggregated : context.Leave);
                    if (context.Kept is { } kept)
                    {
                        asm.Place(aggregated);
                        KeepLowering.Lower(context, kept, layout, program.Statements.OfType<Capture>().First(capture => capture.Stack == kept.Stack));
                    }
                    break;
                case Deliver { Sink: IrEmit step }:
                    EmitLowering.Lower(context, step, record!);
                    break;
                case Deliver { Sink: IrEmitExtremum step }:
                    EmitLowering.Lower(context, step, record!);
                    break;
                default:
                    throw IrNodes.Unknown(statement);
            }
        }
        capture.Release();
        asm.Origin = "end";
        asm.Place(context.Exit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        foreach (var walker in context.Walkers.Values)
            walker.PlaceFunctions(asm);
        foreach (var walker in context.FrameWalkers.Values)
            walker.PlaceFunctions(asm);
        context.Recorder?.PlaceFunctions(asm);
        FramesLowering.PlaceFunction(context);
        if (context.Python is { } python)
            PythonLowering.PlaceFunctions(python);
        context.Prover?.PlaceFunctions(asm);
        if (context.EndActivations is { } end)
            ActivationEnd.PlaceFunction(asm, end);
        context.Mappings?.PlaceFunctions();

        var code = asm.Assemble();
        var spec = new ProgramSpec { Name = "stackdepth", Type = program.Probe.ProgramType, ExpectedAttachType = session is null ? AttachType.None : SessionLowering.AttachTypeOf(program.Probe), Instructions = code.Instructions, Functions = code.Functions };
        return new([new(program, spec)], [.. Maps(context, capture, layout, aggregate, key, record, sink), .. ControlLowering.Maps(program, target), .. StateLowering.Maps(program, target)], layout, aggregate, record, key, context.Kept)
        {
            Counted = counted,
            Cgroups = numbers.Cgroups,
        };
    }

    private static void Undecided(LoweringContext context, IrExpression condition)
    {
        var asm = context.Asm;
        var open = asm.CreateLabel("open");
        var settled = asm.CreateLabel("settled");
        context.LoadResults();
        ExpressionLowering.BranchUnless(context, condition, open);
        asm.Jump(settled);
        asm.Place(open);
        context.Increment(HealthCounter.Undecided);
        asm.Jump(context.Leave);
        asm.Place(settled);
    }

    private static ImmutableArray<MapSpec> Maps(
        LoweringContext context, CaptureLowering capture, ResultLayout layout, AggregateLayout? aggregate, EventLayout? key, EventLayout? record, IrSink sink)
    {
        var target = context.Target;
        var maps = ImmutableArray.CreateBuilder<MapSpec>();
        maps.Add(new(MapNames.Results, MapType.PerCpuArray, sizeof(int), layout.Size, 1));
        if (capture.ScratchBytes > 0)
            maps.Add(new(MapNames.Scratch, MapType.PerCpuArray, sizeof(int), capture.ScratchBytes, 1));
        var walks = context.Walkers.Count > 0 || context.FrameWalkers.Count > 0 || context.Recorder is not null || context.Prover is not null;
        var measures = context.StackOffsets.Keys.Any(static stack => !stack.IsWalked);
        if (walks || measures)
            maps.Add(new(MapNames.Walks, MapType.PerCpuArray, sizeof(int), WalkBytes(), CaptureLowering.Slots));
        if (walks)
            maps.AddRange(UnwindMaps.All);
        if (context.Python is not null)
        {
            maps.Add(new(MapNames.Python, MapType.PerCpuArray, sizeof(int), PythonMemory.Bytes, CaptureLowering.Slots));
            maps.AddRange(PythonMaps.All);
        }
        if (context.StackOffsets.ContainsKey(new(StackKind.Recursion)))
            maps.AddRange(ActivationLayout.Maps(target.PreallocateGroups, target.Sites));
        if (context.Cgroups.Count > 0)
            maps.Add(new(MapNames.Cgroups, MapType.CgroupArray, sizeof(int), sizeof(int), context.CgroupFolders.Length));
        if (context.NumberNode is not null)
            maps.AddRange(StackNode.Maps(target));
        if (key is not null)
            maps.Add(new(MapNames.Groups, MapType.PerCpuHash, key.Size, aggregate!.Size, target.MaxKeys, PreallocatesGroups(aggregate.Size) ? MapFlags.None : MapFlags.NoPreallocation));
        if (record is not null)
            maps.Add(new(MapNames.Records, MapType.RingBuffer, 0, 0, target.RingBytes));
        if (sink is IrEmitExtremum)
            maps.Add(new(MapNames.Best, MapType.Array, sizeof(int), sizeof(long), 1));
        if (target.Scope is ProcessScope.Followed)
            maps.AddRange(FollowerPrograms.Maps(readable: walks));
        if (context.Kept is { } kept)
        {
            maps.AddRange(kept.Maps(target));
        }
        return maps.ToImmutable();

        bool PreallocatesGroups(int bytes) => target.PreallocateGroups || (bytes > LargeGroup && (long)bytes * target.MaxKeys <= target.LargeGroupBytes);

        int WalkBytes() => context.Recorder is not null || context.FrameWalkers.Count > 0 ? TrailMemory.End
            : measures ? context.RegionCache + RegionLowering.CacheBytes
            : WalkMemory.Bytes;
    }
}
