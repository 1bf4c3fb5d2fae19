using System.Collections.Immutable;
using StackDepth.Compile.Lowering.Python;
using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// What the lowering of one program shares. Registers: R6 the probe's context, R7 the results (once loaded), R8 the capture slot (once claimed), R9 a pointer in work; R0 to
/// R5 live within one step.
/// </summary>
internal sealed class LoweringContext
{
    private const int StackBytes = 512; // MAX_BPF_STACK, for a function with all that it calls
    private int _frameBytes;
    private bool _resultsLoaded;
    private int? _firstKey;
    private readonly Stack<int> _spills = [];

    internal LoweringContext(CompileTarget target)
    {
        Target = target;
        Exit = Asm.CreateLabel("exit");
        Leave = Exit;
    }

    internal Assembler Asm { get; } = new();

    internal CompileTarget Target { get; }

    /// <summary>The end of the program, for paths that hold nothing.</summary>
    internal Label Exit { get; }

    /// <summary>Where a step goes that ends the program early: <see cref="Exit"/>, or the release of the capture slot once one is held.</summary>
    internal Label Leave { get; set; }

    /// <summary>Frame offsets of context fields that have been loaded.</summary>
    internal Dictionary<ContextField, int> Fields { get; } = [];

    /// <summary>Frame offsets of numbers that have been computed because they are used more than once.</summary>
    internal Dictionary<IrExpression, int> Computed { get; } = [];

    /// <summary>Frame offsets of values of variables that have been read, and of whether there were any, where that is asked.</summary>
    internal Dictionary<IrPlace, (int Value, int? IsSet)> States { get; } = [];

    /// <summary>Frame offsets of fields that have been fetched.</summary>
    internal Dictionary<string, int> Fetched { get; } = [];

    /// <summary>Frame offsets of the answers whether the thread is in a cgroup.</summary>
    internal Dictionary<IrInCgroup, int> Cgroups { get; } = [];

    /// <summary>Frame offsets of texts in memory that have been read.</summary>
    internal Dictionary<IrMemoryText, int> Texts { get; } = [];

    /// <summary>Whether a step wants the ids of process and thread beyond the process filter.</summary>
    internal bool NeedsIds { get; init; }

    /// <summary>The probe: it decides where the registers of user code are.</summary>
    internal required IrProbe Probe { get; init; }

    /// <summary>Whether every site is a function's first instruction.</summary>
    internal bool EntersAtFunctions { get; init; }

    /// <summary>The frame offset of <c>bpf_get_current_pid_tgid()</c>: tid in the low half, pid in the high half.</summary>
    internal int? PidTgid { get; set; }

    /// <summary>The frame offset of <c>bpf_get_current_uid_gid()</c>: uid in the low half, gid in the high half.</summary>
    internal int? GidUid { get; set; }

    /// <summary>The sets of functions whose frames the walks count.</summary>
    internal ImmutableArray<IrFunctions> Counted { get; init; } = [];

    /// <summary>The folders of the cgroups that the query's programs ask for, in the order of their numbers.</summary>
    internal ImmutableArray<string> CgroupFolders { get; init; } = [];

    /// <summary>The hits that are kept with their frames, where the query keeps any.</summary>
    internal KeptLayout? Kept { get; init; }

    /// <summary>Where the captured stacks lie in the capture slot: see <see cref="StackHeader"/>.</summary>
    internal Dictionary<IrStack, int> StackOffsets { get; } = [];

    /// <summary>Where the number of frames in some functions lies in the capture slot.</summary>
    internal int CountOffset(IrStack stack, IrFunctions functions) => StackOffsets[stack] + StackHeader.Bytes + (Counted.IndexOf(functions) * sizeof(long));

    /// <summary>Where in the capture slot the numbers lie of stacks whose frames are delivered.</summary>
    internal Dictionary<IrStack, int> StackNumbers { get; } = [];

    /// <summary>The function that numbers a node of a stack, where the program has one.</summary>
    internal Label? NumberNode { get; set; }

    /// <summary>Our own walks that write down the frames of stacks that are values.</summary>
    internal Dictionary<IrStack, StackWalker> FrameWalkers { get; } = [];

    /// <summary>The frame offset of the number of the capture slot, where a walk of ours needs it.</summary>
    internal int? SlotNumber { get; set; }

    /// <summary>Whether the program calls functions of its own, or has the kernel call them: they need their share of the BPF stack.</summary>
    internal bool CallsFunctions { get; init; }

    /// <summary>How the program finds mappings, beside its walks; null where it has not yet.</summary>
    internal MappingLookup? Mappings { get; set; }

    /// <summary>The walk that proves activations to be live, and the function that ends them, where the program counts them.</summary>
    internal StackWalker? Prover { get; set; }

    internal Label? EndActivations { get; set; }

    /// <summary>Where in the memory of a capture slot the regions of stacks are kept.</summary>
    internal int RegionCache { get; init; }

    /// <summary>Our own walks that the program makes, each with its functions.</summary>
    internal Dictionary<StackWalk, StackWalker> Walkers { get; } = [];

    /// <summary>The walk that writes down the frames of kept hits, where one of our own does.</summary>
    internal StackWalker? Recorder { get; set; }

    /// <summary>The functions that count Python's frames, where the program does.</summary>
    internal PythonCode? Python { get; set; }

    /// <summary>Reserves room in the BPF stack, 8-byte aligned; answers the offset from R10.</summary>
    internal int Allocate(int bytes)
    {
        _frameBytes += (bytes + 7) & ~7;
        return _frameBytes <= (CallsFunctions ? StackBytes - StackWalker.StackBytes : StackBytes) ? -_frameBytes : throw new ProbeQueryException("The query needs more than the 512 bytes of stack that a BPF program has: select fewer values at once, or shorter texts.");
    }

    /// <summary>Room in the BPF stack for one number that no register is left for, until <see cref="ReturnSpill"/>.</summary>
    internal int RentSpill() => _spills.TryPop(out var offset) ? offset : Allocate(sizeof(long));

    internal void ReturnSpill(int offset) => _spills.Push(offset);

    /// <summary>Loads R7, once.</summary>
    internal void LoadResults()
    {
        if (_resultsLoaded)
            return;
        _resultsLoaded = true;
        LookupFirst(MapNames.Results);
        Asm.Mov(Register.R7, Register.R0);
    }

    /// <summary>R0 = the only value of an array map; leaves the program if there is none, which the verifier wants handled and which cannot happen.</summary>
    internal void LookupFirst(string map)
    {
        if (_firstKey is null)
        {
            _firstKey = Allocate(sizeof(int));
            Asm.Store(MemorySize.W, Register.R10, _firstKey.Value, 0);
        }
        Asm.LoadMap(Register.R1, map);
        AddressOfFrame(Register.R2, _firstKey.Value);
        Asm.Call(HelperId.MapLookupElem);
        Asm.JumpIf(JumpOp.JEQ, Register.R0, 0, Leave);
    }

    internal void AddressOfFrame(Register destination, int offset)
    {
        Asm.Mov(destination, Register.R10);
        Asm.Add(destination, offset);
    }

    /// <summary>Counts one in the health counters. Atomic, because a probe's program can be preempted by another hit on the same CPU.</summary>
    internal void Increment(HealthCounter counter)
    {
        Asm.Mov(Register.R1, 1);
        Asm.AtomicAdd(MemorySize.DW, Register.R7, ResultLayout.Offset(counter), Register.R1);
    }
}
