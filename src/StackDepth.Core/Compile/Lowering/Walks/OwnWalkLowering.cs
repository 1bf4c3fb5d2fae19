using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>A capture by a walk of ours: lends it the memory of the capture slot, and turns how it ended into the stack's verdict.</summary>
internal static class OwnWalkLowering
{
    private const int KernelThread = 0x0020_0000; // PF_KTHREAD

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        var asm = context.Asm;
        LoadMemory(context, failed);
        var walker = Walker(context, capture);
        if (!context.Probe.HasUserRegisters)
            RequireUserCode(context, failed);
        walker.Enter(asm);
        Start(context, walker);
        walker.Go(asm, context.Allocate(sizeof(long)));
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        asm.Note("frame count");
        for (var set = 0; set < context.Counted.Length && capture.Stack.Frames is null; set++)
        {
            asm.Load(MemorySize.DW, Register.R2, Register.R9, FrameCounts.Counter(set));
            asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Bytes + (set * sizeof(long)), Register.R2);
            asm.Note($"frames in {IrPrinter.Print(context.Counted[set])}");
        }
        StoreVerdict(asm, stack);
    }

    /// <summary>One walk counts all stacks that are walked so; those whose frames are written down have their own.</summary>
    private static StackWalker Walker(LoweringContext context, Capture capture)
    {
        StackWalker? walker;
        if (capture.Stack.Frames is { } frames)
        {
            if (!context.FrameWalkers.TryGetValue(capture.Stack, out walker))
                context.FrameWalkers.Add(capture.Stack, walker = Create(context, capture, numbers: new(context.NumberNode ??= context.Asm.CreateLabel("number a node"), frames.Skip, context.FrameWalkers.Count)));
            return walker;
        }
        if (!context.Walkers.TryGetValue(capture.Walk, out walker))
            context.Walkers.Add(capture.Walk, walker = Create(context, capture));
        return walker;
    }

    /// <summary>Walks the stack of a hit that is kept, and writes down its frames. The memory of the walk stays in R9.</summary>
    /// <param name="context">The program.</param>
    /// <param name="capture">The stack; unless it was on demand, it was walked before.</param>
    /// <param name="stack">Where its header lies in the capture slot.</param>
    /// <param name="place">Where in the BPF stack the number of the kept hit lies.</param>
    /// <param name="failed">Where to go when the walk cannot be done.</param>
    internal static void Record(LoweringContext context, Capture capture, int stack, int place, Label failed)
    {
        var asm = context.Asm;
        LoadMemory(context, failed);
        var recorder = context.Recorder ??= Create(context, capture, context.Kept!.Frames);
        if (capture.OnDemand)
        {
            if (!context.Probe.HasUserRegisters)
                RequireUserCode(context, failed);
            recorder.Enter(asm);
        }
        else
        {
            StackWalker.EnterAgain(asm);
        }
        Start(context, recorder);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, place);
        asm.Store(MemorySize.DW, Register.R9, TrailMemory.Place, Register.R1);
        recorder.Go(asm, context.Allocate(sizeof(long)));
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        StoreVerdict(asm, stack);
    }

    /// <summary>Goes to <paramref name="failed"/> in threads of the kernel, which have no user stack.</summary>
    private static void RequireUserCode(LoweringContext context, Label failed)
    {
        var asm = context.Asm;
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Load(MemorySize.W, Register.R1, Register.R0, Fields(context).TaskFlags);
        asm.And(Register.R1, KernelThread);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, failed);
    }

    /// <summary>At a probe of user code the program is given its registers; elsewhere they lie on the kernel's stack (bpf_task_pt_regs, Linux 5.15).</summary>
    private static void Start(LoweringContext context, StackWalker walker)
    {
        var asm = context.Asm;
        if (context.Probe.HasUserRegisters)
        {
            walker.Start(asm, Register.R6);
            return;
        }
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Mov(Register.R1, Register.R0);
        asm.Call(HelperId.TaskPtRegs);
        walker.Start(asm, Register.R0);
    }

    /// <summary>R9 = the memory of the walks of the capture slot.</summary>
    private static void LoadMemory(LoweringContext context, Label failed)
    {
        var asm = context.Asm;
        asm.LoadMap(Register.R1, MapNames.Walks);
        context.AddressOfFrame(Register.R2, context.SlotNumber!.Value);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, failed);
        asm.Mov(Register.R9, Register.R0);
    }

    /// <summary>Turns how the walk ended, in R0, into the verdict.</summary>
    private static void StoreVerdict(Assembler asm, int stack)
    {
        var proved = asm.CreateLabel("proved");
        var guessed = asm.CreateLabel("guessed");
        var lost = asm.CreateLabel("lost after a guess");
        var cut = asm.CreateLabel("cut");
        var known = asm.CreateLabel("verdict known");
        asm.Load(MemorySize.DW, Register.R2, Register.R9, WalkMemory.Guesses);
        asm.JumpIf(JumpOp.JEQ, Register.R0, WalkMemory.Outermost, proved);
        // What comes after a wrong guess is no frame of the stack: the count bounds nothing.
        asm.JumpIf(JumpOp.JNE, Register.R2, 0, lost);
        asm.JumpIf(JumpOp.JEQ, Register.R0, (int)StackReason.FrameLimit, cut);
        asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Completeness, (int)Completeness.Broken);
        asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Reason, Register.R0);
        asm.Jump(known);
        Verdict(cut, StackReason.FrameLimit);
        Verdict(lost, StackReason.GuessFailed);
        Verdict(guessed, StackReason.FramePointerStep);
        asm.Place(proved);
        asm.JumpIf(JumpOp.JNE, Register.R2, 0, guessed);
        StackHeader.StoreVerdict(asm, stack, StackReason.None);
        asm.Place(known);

        void Verdict(Label label, StackReason reason)
        {
            asm.Place(label);
            StackHeader.StoreVerdict(asm, stack, reason);
            asm.Jump(known);
        }
    }

    private static KernelOffsets Fields(LoweringContext context) =>
        context.Target.Fields ?? throw new InvalidOperationException("A walk of ours needs the kernel's fields, and the target of the compilation has none.");

    private static StackWalker Create(LoweringContext context, Capture capture, TrailLayout? trail = null, FrameNumbering? numbers = null)
    {
        var target = context.Target;
        return new(context.Asm, new(capture.Walk, capture.MaxFrames, Fields(context), target.SequenceShift, context.EntersAtFunctions, context.Counted.Length, Trail: trail, Numbers: numbers));
    }
}
