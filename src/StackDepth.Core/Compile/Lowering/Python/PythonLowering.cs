using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>
/// The capture of the Python frames of the thread that hit, by the interpreter's own structures. Their number can be 0: a thread that has not called into Python, as far as the lists of
/// its process's interpreters tell to their ends.
/// </summary>
internal static class PythonLowering
{
    private const int UserIp = 128;
    private const int MostLoops = 1 << 23; // BPF_MAX_LOOPS
    private const int UpidBytes = 16; // struct upid, include/linux/pid.h

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        var asm = context.Asm;
        var fields = context.Target.Fields;
        if (fields?.Identity is null)
            throw new InvalidOperationException("Python frames need the kernel's fields, and the target of the compilation has none.");
        var code = context.Python = new(asm, fields, capture.MaxFrames);
        var broken = asm.CreateLabel("broken");
        asm.LoadMap(Register.R1, MapNames.Python);
        context.AddressOfFrame(Register.R2, context.SlotNumber!.Value);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, failed);
        asm.Mov(Register.R9, Register.R0);
        Start(asm, fields);
        asm.Mov(Register.R1, Register.R9);
        asm.Call(code.Locate);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, broken);
        asm.Mov(Register.R1, Register.R9);
        asm.Call(code.FindState);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, broken);
        Count(context, code);
        Verdict(asm, stack, broken);
    }

    /// <summary>Places the functions that the capture calls; after the main function.</summary>
    internal static void PlaceFunctions(PythonCode code)
    {
        PythonLocate.Place(code);
        PythonLocate.PlaceLookUp(code);
        PythonLocate.PlaceMapping(code);
        PythonStates.PlaceFind(code);
        PythonStates.PlaceStep(code);
        PythonStates.PlaceRead(code);
        PythonFrames.Place(code);
    }

    /// <summary>Writes down who hit where. R6 is the user's registers, R9 the memory.</summary>
    private static void Start(Assembler asm, KernelOffsets offsets)
    {
        var identity = offsets.Identity!;
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, offsets.TaskMemory);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, identity.MemoryStartCode);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.StartCode, Register.R2);
        // The process's memory belongs to one task all along; its first thread can end before it.
        if (offsets.MemoryOwner is { } owner)
            asm.Load(MemorySize.DW, Register.R3, Register.R1, owner);
        else
            asm.Load(MemorySize.DW, Register.R3, Register.R0, offsets.TaskLeader);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.TaskStarted);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Process, Register.R3);
        asm.Load(MemorySize.DW, Register.R4, Register.R0, offsets.TaskExecId);
        asm.Load(MemorySize.W, Register.R5, Register.R0, offsets.TaskProcessId);
        asm.Lsh(Register.R4, 32);
        asm.Or(Register.R4, Register.R5);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.ProcessId, Register.R4);
        asm.Load(MemorySize.DW, Register.R2, Register.R0, identity.TaskParent);
        asm.Load(MemorySize.W, Register.R2, Register.R2, offsets.TaskProcessId);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.ParentId, Register.R2);
        asm.Load(MemorySize.DW, Register.R2, Register.R0, identity.TaskFsBase);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.ThreadId, Register.R2);
        asm.Load(MemorySize.DW, Register.R2, Register.R6, UserIp);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Ip, Register.R2);

        // The thread's number in its own namespace is the last of several.
        asm.Load(MemorySize.DW, Register.R1, Register.R0, identity.TaskThreadPid);
        asm.Load(MemorySize.W, Register.R2, Register.R1, identity.PidLevel);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Word, Register.R1);
        asm.Load(MemorySize.DW, Register.R3, Register.R9, PythonMemory.Word);
        asm.Mul(Register.R2, UpidBytes);
        asm.Add(Register.R3, Register.R2);
        asm.Add(Register.R3, identity.PidNumbers);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.NativeId, 0);
        asm.Mov(Register.R1, Register.R9);
        asm.Add(Register.R1, PythonMemory.NativeId);
        asm.Mov(Register.R2, sizeof(int));
        asm.Call(HelperId.ProbeReadKernel);
    }

    /// <summary>Counts from the innermost frame that was found.</summary>
    private static void Count(LoweringContext context, PythonCode code)
    {
        var asm = context.Asm;
        var slot = context.Allocate(sizeof(long));
        var start = asm.CreateLabel("start");
        var several = asm.CreateLabel("several states");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, PythonMemory.Found);
        asm.Load(MemorySize.DW, Register.R2, Register.R9, PythonMemory.FoundFrame);
        asm.Mov(Register.R3, 0);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 1, start);
        asm.JumpIf(JumpOp.JGT, Register.R1, 1, several);
        asm.Load(MemorySize.DW, Register.R3, Register.R9, PythonMemory.Doubtful);
        asm.Load(MemorySize.DW, Register.R2, Register.R9, PythonMemory.DoubtfulFrame);
        asm.JumpIf(JumpOp.JNE, Register.R3, 0, start);
        asm.Mov(Register.R2, 0);
        asm.Note("no state: no frame");
        asm.Jump(start);
        asm.Place(several);
        asm.Mov(Register.R3, 1);
        asm.Place(start);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Guess, Register.R3);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Frame, Register.R2);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Depth, 0);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Landmark, 0);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Steps, 0);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.NextLandmark, 1);
        // So it ends where the calls do not suffice: more frames of C's than of Python's.
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.End, (int)StackReason.Corrupt);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.LastFrame, 0);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.BlockAddress, -1);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.BlockLast, 0);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, PythonMemory.CountNumber);
        asm.Add(Register.R1, 1);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.CountNumber, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, slot, Register.R9);
        asm.Mov(Register.R1, int.Min((2 * (code.MaxFrames + 1)) + 1024, MostLoops));
        asm.LoadFunction(Register.R2, code.FrameStep);
        context.AddressOfFrame(Register.R3, slot);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
    }

    /// <summary>Turns how the count ended into the header. <paramref name="broken"/> is where the reason in R0 says why nothing was counted.</summary>
    private static void Verdict(Assembler asm, int stack, Label broken)
    {
        var guessed = asm.CreateLabel("guessed");
        var proved = asm.CreateLabel("proved");
        var cut = asm.CreateLabel("cut");
        var lost = asm.CreateLabel("lost");
        var end = asm.CreateLabel("verdict stored");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, PythonMemory.Depth);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        asm.Note("Python frame count");
        asm.Load(MemorySize.DW, Register.R0, Register.R9, PythonMemory.End);
        asm.Load(MemorySize.DW, Register.R2, Register.R9, PythonMemory.Guess);
        asm.JumpIf(JumpOp.JNE, Register.R2, 0, guessed);
        asm.JumpIf(JumpOp.JEQ, Register.R0, PythonMemory.Outermost, proved);
        asm.JumpIf(JumpOp.JEQ, Register.R0, (int)StackReason.FrameLimit, cut);
        asm.Jump(lost);
        asm.Place(broken);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, 0);
        asm.Place(lost);
        asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Completeness, (int)Completeness.Broken);
        asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Reason, Register.R0);
        asm.Jump(end);
        asm.Place(cut);
        StackHeader.StoreVerdict(asm, stack, StackReason.FrameLimit);
        asm.Jump(end);
        asm.Place(guessed);
        StackHeader.StoreVerdict(asm, stack, StackReason.PythonGuess);
        asm.Jump(end);
        asm.Place(proved);
        StackHeader.StoreVerdict(asm, stack, StackReason.None);
        asm.Place(end);
    }
}
