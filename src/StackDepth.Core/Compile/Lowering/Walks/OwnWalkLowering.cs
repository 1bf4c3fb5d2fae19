using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>A capture by a walk of ours: lends it the memory of the capture slot, and turns how it ended into the stack's verdict.</summary>
internal static class OwnWalkLowering
{
    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        var asm = context.Asm;
        LoadMemory(context, failed);
        if (!context.Walkers.TryGetValue(capture.Walk, out var walker))
            context.Walkers.Add(capture.Walk, walker = Create(context, capture, records: false));
        walker.Walk(asm, context.Allocate(sizeof(long)));
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        asm.Note("frame count");
        for (var set = 0; set < context.Counted.Length; set++)
        {
            asm.Load(MemorySize.DW, Register.R2, Register.R9, FrameCounts.Counter(set));
            asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Bytes + (set * sizeof(long)), Register.R2);
            asm.Note($"frames in {IrPrinter.Print(context.Counted[set])}");
        }
        StoreVerdict(asm, stack);
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
        var recorder = context.Recorder ??= Create(context, capture, records: true);
        if (capture.OnDemand)
            recorder.Enter(asm);
        else
            StackWalker.EnterAgain(asm);
        recorder.Start(asm);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, place);
        asm.Store(MemorySize.DW, Register.R9, TrailMemory.Place, Register.R1);
        recorder.Go(asm, context.Allocate(sizeof(long)));
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        StoreVerdict(asm, stack);
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

    private static StackWalker Create(LoweringContext context, Capture capture, bool records)
    {
        var target = context.Target;
        var fields = target.Fields ?? throw new InvalidOperationException($"The walk {capture.Walk} needs the kernel's fields, and the target of the compilation has none.");
        return new(context.Asm, new(capture.Walk, capture.MaxFrames, fields, target.SequenceShift, context.EntersAtFunctions, context.Counted.Length, Records: records));
    }
}
