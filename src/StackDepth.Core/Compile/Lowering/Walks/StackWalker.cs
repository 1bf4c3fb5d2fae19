using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// Our own walk of the user's stack: prepares the walk's memory, has the kernel call <see cref="FrameStep"/> for each frame (bpf_loop, Linux 5.17), and leaves the number of
/// frames, the completeness and the reason in the capture's header. One function serves all captures of one kind of walk.
/// </summary>
internal sealed class StackWalker
{
    /// <summary>What the functions of a walk need of the BPF stack: three calls deep, each rounded up to 32 bytes.</summary>
    internal const int StackBytes = 96;

    private const int UserIp = 128;
    private const int UserSp = 152;
    private const int UserBp = 32;
    private const int UserBx = 40;
    private const int UserR10 = 56;
    private const int UserR13 = 16;
    private const int MostLoops = 1 << 23; // BPF_MAX_LOOPS

    private readonly WalkTarget _target;
    private readonly Label _step;


    internal StackWalker(Assembler asm, WalkTarget target)
    {
        _target = target;
        _step = asm.CreateLabel("frame step");
    }

    /// <summary>Finds out about the process of the current task. R9 is the walk's memory.</summary>
    internal void Enter(Assembler asm)
    {
        var offsets = _target.Offsets;
        asm.Call(HelperId.GetCurrentTaskBtf);
        // The verifier searches the kernel's types by name for each pointer that is loaded from a task, which takes it most of a millisecond: each once.
        asm.Load(MemorySize.DW, Register.R1, Register.R0, offsets.TaskMemory);
        FindReturnInstances(asm, offsets);
        EnterProcess(asm, offsets, _target.SequenceShift);
    }

    /// <summary>The register holds the id of the process that was entered last; then, when it started. R9 is the memory.</summary>
    internal static void ProcessStarted(Assembler asm, Register register)
    {
        ProcessEntry(asm, register);
        asm.Load(MemorySize.DW, register, register, WalkMemory.Processes);
    }

    /// <summary>The register holds a process's id; then, where the cache keeps that process. R9 is the memory.</summary>
    private static void ProcessEntry(Assembler asm, Register register)
    {
        asm.And(register, WalkMemory.ProcessCount - 1);
        asm.Mul(register, WalkMemory.ProcessBytes);
        asm.Add(register, Register.R9);
    }

    /// <summary>As <see cref="Enter"/>, of the process that a walk in this memory has entered at the same hit.</summary>
    internal static void EnterAgain(Assembler asm)
    {
        asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.FirstReturnInstance);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.ReturnInstance, Register.R1);
    }

    /// <summary>
    /// Walks on from the frame in hand. R9 is the walk's memory; R6 to R9 survive. <paramref name="stackSlot"/> is a slot of 8 bytes in the program's frame. At the end R0 says
    /// how the walk ended (<see cref="WalkMemory.End"/>), and R1 is the number of frames.
    /// </summary>
    internal void Go(Assembler asm, int stackSlot)
    {
        asm.Store(MemorySize.DW, Register.R10, stackSlot, Register.R9);
        // Each call steps over a frame at least, unless it found the kernel busy, and the last one finds the end; a walk begins anew once at most.
        asm.Mov(Register.R1, Math.Min((2 * (_target.MaxFrames + 1)) + MappingStep.MostBusyTries, MostLoops));
        asm.LoadFunction(Register.R2, _step);
        asm.Mov(Register.R3, Register.R10);
        asm.Add(Register.R3, stackSlot);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.Depth);
        asm.Load(MemorySize.DW, Register.R0, Register.R9, WalkMemory.End);
    }

    /// <summary>Places the functions that the walk calls; after the main function.</summary>
    internal void PlaceFunctions(Assembler asm)
    {
        var mapping = asm.CreateLabel("mapping");
        FrameStep.Place(asm, _target, _step, mapping);
        MappingStep.PlaceCallback(asm, _target.Offsets, mapping, $"{_target.Name}_mapping");
    }

    /// <summary>
    /// R0 = the task, which survives, R1 = its memory, R9 = the memory of the walk; R3 and R4 tell the process from all others at the end. Finds the number under which the caches know the process's mappings as they are now, or takes a new one. A process is known by its start, its id and its exec;
    /// its mappings by the sequence number that every change of them counts up (kernel commit 5e31275cc997, and 6.13's seqcount).
    /// </summary>
    internal static void EnterProcess(Assembler asm, KernelOffsets offsets, int sequenceShift)
    {
        var known = asm.CreateLabel("process known");
        var other = asm.CreateLabel("another process");
        asm.Load(MemorySize.DW, Register.R2, Register.R1, offsets.MemoryStackStart);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.StackStart, Register.R2);
        if (offsets.MemoryOwner is { } owner)
            asm.Load(MemorySize.DW, Register.R3, Register.R1, owner);
        else
            asm.Load(MemorySize.DW, Register.R3, Register.R0, offsets.TaskLeader);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.TaskStarted);
        asm.Load(MemorySize.DW, Register.R4, Register.R0, offsets.TaskExecId);
        asm.Load(MemorySize.W, Register.R5, Register.R0, offsets.TaskProcessId);
        asm.Lsh(Register.R4, 32);
        asm.Or(Register.R4, Register.R5);
        ProcessEntry(asm, Register.R5);
        if (offsets.MemorySequence is { } sequence)
        {
            asm.Load(MemorySize.W, Register.R2, Register.R1, sequence);
            if (sequenceShift > 0)
                asm.Rsh(Register.R2, sequenceShift);
        }
        else
        {
            // Nothing tells of a change: every walk looks for itself.
            asm.Load(MemorySize.DW, Register.R2, Register.R9, WalkMemory.LastEpoch);
            asm.Add(Register.R2, 1);
        }
        asm.Load(MemorySize.DW, Register.R1, Register.R5, WalkMemory.Processes);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R3, other);
        asm.Load(MemorySize.DW, Register.R1, Register.R5, WalkMemory.Processes + 8);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R4, other);
        asm.Load(MemorySize.DW, Register.R1, Register.R5, WalkMemory.Processes + 16);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, known);
        asm.Place(other);
        asm.Store(MemorySize.DW, Register.R5, WalkMemory.Processes, Register.R3);
        asm.Store(MemorySize.DW, Register.R5, WalkMemory.Processes + 8, Register.R4);
        asm.Store(MemorySize.DW, Register.R5, WalkMemory.Processes + 16, Register.R2);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.LastEpoch);
        asm.Add(Register.R1, 1);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.LastEpoch, Register.R1);
        asm.Store(MemorySize.DW, Register.R5, WalkMemory.Processes + 24, Register.R1);
        asm.Place(known);
        asm.Load(MemorySize.DW, Register.R1, Register.R5, WalkMemory.Processes + 24);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Epoch, Register.R1);
    }

    /// <summary>R0 = the task, R1 = its memory; both survive. A uretprobe puts the address of a trampoline in place of a return address; the kernel keeps the real ones in a list, the newest first.</summary>
    private static void FindReturnInstances(Assembler asm, KernelOffsets offsets)
    {
        var found = asm.CreateLabel("trampoline");
        asm.Load(MemorySize.DW, Register.R3, Register.R0, offsets.TaskUprobes);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.ReturnInstances);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.ReturnInstance, Register.R3);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.FirstReturnInstance, Register.R3);
        asm.Mov(Register.R2, -1);
        asm.JumpIf(JumpOp.JEQ, Register.R3, 0, found);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, offsets.MemoryTrampoline);
        asm.Load(MemorySize.DW, Register.R2, Register.R2, offsets.TrampolineAddress);
        asm.Place(found);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Trampoline, Register.R2);
    }

    /// <summary>The frame in hand is that of the user's registers, which are where <paramref name="registers"/> points to.</summary>
    internal void Start(Assembler asm, Register registers)
    {
        Copy(UserIp, WalkMemory.Ip, WalkMemory.FirstIp);
        Copy(UserSp, WalkMemory.Sp, WalkMemory.FirstSp);
        Copy(UserBp, WalkMemory.Bp, WalkMemory.FirstBp);
        Copy(UserBx, WalkMemory.Bx, WalkMemory.FirstBx);
        Copy(UserR10, WalkMemory.R10, WalkMemory.FirstR10);
        Copy(UserR13, WalkMemory.R13, WalkMemory.FirstR13);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Depth, 1);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Exact, 1);
        // So it ends where the kernel is busy so often that the calls do not suffice: all others step over a frame.
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.End, (int)StackReason.MappingBusy);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.FollowsBx, 0);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Guesses, 0);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.Signals, 0);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.BusyTries, 0);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.BlockAddress, -1);
        asm.Store(MemorySize.DW, Register.R9, WalkMemory.BlockLimit, 0);
        FrameCounts.Clear(asm, Register.R9, _target.Sets);

        void Copy(int register, params ReadOnlySpan<int> fields)
        {
            asm.Load(MemorySize.DW, Register.R1, registers, register);
            foreach (var field in fields)
                asm.Store(MemorySize.DW, Register.R9, field, Register.R1);
        }
    }
}
