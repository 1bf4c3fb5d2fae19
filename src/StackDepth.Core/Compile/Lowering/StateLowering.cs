using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Variables. Those of threads lie in the kernel's storage of tasks, which goes with the thread: no table to fill up, and no id that is given again. Those with a key lie in a hash table. See docs/adr/0014.
/// </summary>
internal static class StateLowering
{
    private const int Create = 1; // BPF_LOCAL_STORAGE_GET_F_CREATE
    private const int BpfAny = 0;
    private const int BpfNoExist = 1;

    // A thread's value. To clear one is to say that it is not set: to take it out of the storage would be to put it in again at the next hit, and can be refused.
    private const int Value = 0;
    private const int IsSet = 8;
    private const int ThreadBytes = 16;

    /// <summary>The maps of a program's variables.</summary>
    internal static IEnumerable<MapSpec> Maps(IrProgram program, CompileTarget target)
    {
        List<IrVariable> found = [];
        var counts = false;
        foreach (var statement in program.Statements)
        {
            counts |= statement is RequireState or LoadState { IsRequired: true };
            if (statement switch { LoadState load => load.Place.Variable, Assign assign => assign.What.Place.Variable, _ => null } is not { } variable || found.Contains(variable))
                continue;
            found.Add(variable);
            yield return variable.IsPerThread
                ? new(MapNames.Variable(variable), MapType.TaskStorage, sizeof(int), ThreadBytes, 0, MapFlags.NoPreallocation)
                : new(MapNames.Variable(variable), MapType.Hash, Layout(variable).Size, sizeof(long), target.MaxKeys, target.PreallocateGroups ? MapFlags.None : MapFlags.NoPreallocation);
        }
        if (counts)
            yield return new(MapNames.Unset, MapType.PerCpuArray, sizeof(int), sizeof(long), 1);
    }

    /// <summary>Reads a value into the BPF stack.</summary>
    internal static void Load(LoweringContext context, LoadState load)
    {
        var asm = context.Asm;
        var (place, variable) = (load.Place, load.Place.Variable);
        var unset = asm.CreateLabel("not set");
        var loaded = asm.CreateLabel("loaded");
        context.LoadResults();
        var value = context.Allocate(sizeof(long));
        int? isSet = load.IsRequired ? null : context.Allocate(sizeof(long));
        context.States.Add(place, (value, isSet));
        if (variable.IsPerThread)
        {
            OfThread(context, variable, initial: null, create: false);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, unset);
            asm.Load(MemorySize.DW, Register.R1, Register.R0, IsSet);
            asm.JumpIf(JumpOp.JEQ, Register.R1, 0, unset);
        }
        else
        {
            Lookup(context, variable, StoreKey(context, place));
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, unset);
        }
        asm.Load(MemorySize.DW, Register.R1, Register.R0, Value);
        // What was added to can have left its type.
        ArithmeticLowering.Normalize(asm, variable.Type, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, value, Register.R1);
        if (isSet is { } flag)
            asm.Store(MemorySize.DW, Register.R10, flag, 1);
        asm.Jump(loaded);
        asm.Place(unset);
        if (isSet is { } none)
        {
            asm.Store(MemorySize.DW, Register.R10, value, 0);
            asm.Store(MemorySize.DW, Register.R10, none, 0);
        }
        else
        {
            LeaveUnset(context);
        }
        asm.Place(loaded);
    }

    internal static void Require(LoweringContext context, IrPlace place)
    {
        var asm = context.Asm;
        var set = asm.CreateLabel("set");
        asm.Load(MemorySize.DW, Register.R1, Register.R10, context.States[place].IsSet!.Value);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, set);
        LeaveUnset(context);
        asm.Place(set);
    }

    internal static void Assign(LoweringContext context, IrAssign assign)
    {
        context.LoadResults();
        if (assign.Place.Variable.IsPerThread)
            AssignOfThread(context, assign);
        else
            AssignByKey(context, assign);
    }

    private static void AssignOfThread(LoweringContext context, IrAssign assign)
    {
        var asm = context.Asm;
        var variable = assign.Place.Variable;
        var done = asm.CreateLabel("assigned");
        if (assign.Kind == AssignmentKind.Clear)
        {
            OfThread(context, variable, initial: null, create: false);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
            asm.Store(MemorySize.DW, Register.R0, IsSet, 0);
            asm.Store(MemorySize.DW, Register.R0, Value, 0);
            asm.Place(done);
            return;
        }
        var lost = asm.CreateLabel("no room");
        var value = context.Allocate(ThreadBytes);
        ExpressionLowering.Evaluate(context, assign.Value!, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, value + Value, Register.R1);
        var adds = assign.Kind == AssignmentKind.Add;
        if (!adds)
            asm.Store(MemorySize.DW, Register.R10, value + IsSet, 1);
        OfThread(context, variable, adds ? null : value, create: true);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, value + Value);
        // A sample can interrupt the thread right here, and use its variable too.
        if (adds)
            asm.AtomicAdd(MemorySize.DW, Register.R0, Value, Register.R1);
        else
            asm.Store(MemorySize.DW, Register.R0, Value, Register.R1);
        asm.Store(MemorySize.DW, Register.R0, IsSet, 1);
        asm.Jump(done);
        asm.Place(lost);
        context.Increment(HealthCounter.KeysLost);
        asm.Place(done);
    }

    private static void AssignByKey(LoweringContext context, IrAssign assign)
    {
        var asm = context.Asm;
        var variable = assign.Place.Variable;
        if (assign.Kind == AssignmentKind.Clear)
        {
            var buffer = StoreKey(context, assign.Place);
            asm.LoadMap(Register.R1, MapNames.Variable(variable));
            context.AddressOfFrame(Register.R2, buffer);
            asm.Call(HelperId.MapDeleteElem);
            return;
        }
        var (found, done) = (asm.CreateLabel("has a value"), asm.CreateLabel("assigned"));
        var value = context.Allocate(sizeof(long));
        ExpressionLowering.Evaluate(context, assign.Value!, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, value, Register.R1);
        var key = StoreKey(context, assign.Place);
        Lookup(context, variable, key);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, found);
        asm.LoadMap(Register.R1, MapNames.Variable(variable));
        context.AddressOfFrame(Register.R2, key);
        context.AddressOfFrame(Register.R3, value);
        var adds = assign.Kind == AssignmentKind.Add;
        asm.Mov(Register.R4, adds ? BpfNoExist : BpfAny);
        asm.Call(HelperId.MapUpdateElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
        if (adds)
        {
            // Another hit may have come first.
            Lookup(context, variable, key);
            asm.JumpIf(JumpOp.JNE, Register.R0, 0, found);
        }
        context.Increment(HealthCounter.KeysLost);
        asm.Jump(done);
        asm.Place(found);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, value);
        if (adds)
            asm.AtomicAdd(MemorySize.DW, Register.R0, 0, Register.R1);
        else
            asm.Store(MemorySize.DW, Register.R0, 0, Register.R1);
        asm.Place(done);
    }

    /// <summary>R0 = where the thread's value is, or null.</summary>
    private static void OfThread(LoweringContext context, IrVariable variable, int? initial, bool create)
    {
        var asm = context.Asm;
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.LoadMap(Register.R1, MapNames.Variable(variable));
        asm.Mov(Register.R2, Register.R0);
        if (initial is { } frame)
            context.AddressOfFrame(Register.R3, frame);
        else
            asm.Mov(Register.R3, 0);
        asm.Mov(Register.R4, create ? Create : 0);
        asm.Call(HelperId.TaskStorageGet);
    }

    /// <summary>R0 = where the key's value is, or null.</summary>
    private static void Lookup(LoweringContext context, IrVariable variable, int key)
    {
        context.Asm.LoadMap(Register.R1, MapNames.Variable(variable));
        context.AddressOfFrame(Register.R2, key);
        context.Asm.Call(HelperId.MapLookupElem);
    }

    private static int StoreKey(LoweringContext context, IrPlace place)
    {
        var layout = Layout(place.Variable);
        var key = context.Allocate(layout.Size);
        for (var part = 0; part < place.Keys.Length; part++)
            ExpressionLowering.Store(context, place.Keys[part], Register.R10, key + layout.Offsets[part]);
        return key;
    }

    private static void LeaveUnset(LoweringContext context)
    {
        context.LookupFirst(MapNames.Unset);
        context.Asm.Mov(Register.R1, 1);
        context.Asm.AtomicAdd(MemorySize.DW, Register.R0, 0, Register.R1);
        context.Asm.Jump(context.Leave);
    }

    private static EventLayout Layout(IrVariable variable) => new(variable.KeyTypes);
}
