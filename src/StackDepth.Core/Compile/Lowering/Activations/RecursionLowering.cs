using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// Counts the live activations of the probed function on the thread. A stack grows down, so at an entry with the stack pointer S all activations that were entered at S or below are over, however they ended: by
/// a return, longjmp, an exception or a tail call. Those above S are live, and S is one more. This goes before everything else that a hit can fail at: an entry that is not remembered would be missed by
/// all within it.
/// </summary>
internal sealed class RecursionLowering
{
    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly int _key;
    private readonly int _count;
    private readonly int _reason;

    private RecursionLowering(LoweringContext context)
    {
        _context = context;
        _asm = context.Asm;
        _key = context.Allocate(Key.Bytes);
        _count = context.Allocate(sizeof(long));
        _reason = context.Allocate(sizeof(long));
    }

    /// <summary>Enters the activation into the thread's record; goes to <paramref name="failed"/> where it cannot be told which stack it is on, or there is no record. Uses R8 and R9.</summary>
    internal static RecursionLowering Track(LoweringContext context, Label failed)
    {
        var lowering = new RecursionLowering(context);
        ThreadRecord.Find(context, lowering._key, failed);
        lowering.Enter();
        lowering.Judge();
        return lowering;
    }

    /// <summary>Stores what was tracked behind the header of the stack at R8 + <paramref name="stack"/>.</summary>
    internal void Store(int stack)
    {
        var known = _asm.CreateLabel("completeness known");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _count);
        _asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        _asm.Note("live activations");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _reason);
        _asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Reason, Register.R1);
        foreach (var reason in (ReadOnlySpan<StackReason>)[StackReason.None, StackReason.FrameLimit, StackReason.ForeignStack, StackReason.InterruptedStack])
        {
            _asm.Mov(Register.R2, (int)reason.Completeness());
            _asm.JumpIf(JumpOp.JEQ, Register.R1, (int)reason, known);
        }
        _asm.Mov(Register.R2, (int)Completeness.Broken);
        _asm.Place(known);
        _asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Completeness, Register.R2);
    }

    /// <summary>R9 = the record, R8 = the entry. Ends the activations that are over, and begins this one.</summary>
    private void Enter()
    {
        var push = _asm.CreateLabel("begin an activation");
        var pushToChunk = _asm.CreateLabel("begin an activation in a chunk");
        var entered = _asm.CreateLabel("entered");
        var tracked = _asm.CreateLabel("tracked");
        var chunks = new ActivationChunks(_context, _key, _count, push, entered, tracked);

        var noneMissing = _asm.CreateLabel("no entry is missing");
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Missing);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, noneMissing);
        _asm.JumpIf(JumpOp.JGT, Register.R1, Register.R8, noneMissing);
        _asm.Store(MemorySize.DW, Register.R9, Record.Missing, 0);
        _asm.Note("what was missing is over too");
        _asm.Place(noneMissing);

        var inRecord = _asm.CreateLabel("ends in the record");
        var inChunks = _asm.CreateLabel("ends in the chunks");
        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.Count);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, push);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Top);
        _asm.JumpIf(JumpOp.JGT, Register.R2, Register.R8, push);
        _asm.Mov(Register.R2, Register.R1);
        _asm.JumpIf(JumpOp.JLE, Register.R2, RecordEntries, inRecord);
        _asm.Load(MemorySize.DW, Register.R3, Register.R9, Record.Entries + ((RecordEntries - 1) * sizeof(long)));
        _asm.JumpIf(JumpOp.JGT, Register.R3, Register.R8, inChunks);
        _asm.Mov(Register.R2, RecordEntries);
        _asm.Place(inRecord);
        _asm.Mov(Register.R0, Register.R9);
        ActivationSearch.Emit(_asm, Record.Entries, RecordEntries);
        _asm.Jump(push);

        _asm.Place(inChunks);
        chunks.End();

        // R1 = how many activations stay.
        _asm.Place(push);
        _asm.JumpIf(JumpOp.JGE, Register.R1, RecordEntries, pushToChunk);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Lsh(Register.R2, 3);
        _asm.Add(Register.R2, Register.R9);
        _asm.Store(MemorySize.DW, Register.R2, Record.Entries, Register.R8);
        _asm.Add(Register.R1, 1);
        _asm.Jump(entered);
        _asm.Place(pushToChunk);
        chunks.Push();

        _asm.Place(entered);
        _asm.Store(MemorySize.W, Register.R9, Record.Count, Register.R1);
        _asm.Store(MemorySize.DW, Register.R9, Record.Top, Register.R8);
        _asm.Store(MemorySize.DW, Register.R10, _count, Register.R1);
        _asm.Place(tracked);
    }

    /// <summary>R9 = the record, R8 = the entry. What the count promises.</summary>
    private void Judge()
    {
        var own = _asm.CreateLabel("on the own stack");
        var judged = _asm.CreateLabel("judged");
        var sure = _asm.CreateLabel("nothing is missing");
        _asm.Mov(Register.R1, Register.R8);
        _asm.Rsh(Register.R1, ForeignRank);
        _asm.Store(MemorySize.DW, Register.R10, _reason, (int)StackReason.ForeignStack);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 1, judged);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, own);
        // Nobody saw where the signal came: activations at the end of the interrupted stack may have been over by then.
        _asm.Store(MemorySize.DW, Register.R10, _reason, (int)StackReason.InterruptedStack);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Entries);
        _asm.Rsh(Register.R1, ForeignRank);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, judged);
        _asm.Place(own);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Missing);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, sure);
        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.MissingReason);
        _asm.Place(sure);
        _asm.Store(MemorySize.DW, Register.R10, _reason, Register.R1);
        _asm.Place(judged);
    }
}
