using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// Counts the live activations of the probed function on the thread. A stack grows down, so at an entry with the stack pointer S all activations that were entered at S or below are over, however they ended: by
/// a return, longjmp, an exception or a tail call. Those above S need not be live: what has returned stays in the books until somebody looks, and something else may lie on its place by now. So the last
/// of them is proved (<see cref="ActivationProof"/>); what was live when that was entered is live with it.
/// </summary>
internal sealed class RecursionLowering
{
    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly int _key;
    private readonly int _entry;
    private readonly int _record;
    private readonly int _slot;
    private readonly int _count;
    private readonly int _reason;
    private readonly int _doubt;
    private readonly Label _end;

    private RecursionLowering(LoweringContext context)
    {
        _context = context;
        _asm = context.Asm;
        _key = context.Allocate(Key.Bytes);
        _entry = context.Allocate(sizeof(long));
        _record = context.Allocate(sizeof(long));
        _slot = context.Allocate(sizeof(long));
        _count = context.Allocate(sizeof(long));
        _reason = context.Allocate(sizeof(long));
        _doubt = context.Allocate(sizeof(long));
        context.EndActivations = _end = context.Asm.CreateLabel("end activations");
    }

    /// <summary>Finds the thread's record, and goes to <paramref name="failed"/> where there is none or the stack is not known. Before a capture slot is claimed: R8 and R9 are used.</summary>
    internal static RecursionLowering Begin(LoweringContext context, Label failed)
    {
        var lowering = new RecursionLowering(context);
        ThreadRecord.Find(context, lowering._key, lowering._doubt, failed);
        context.Asm.Store(MemorySize.DW, Register.R10, lowering._entry, Register.R8);
        context.Asm.Store(MemorySize.DW, Register.R10, lowering._record, Register.R9);
        return lowering;
    }

    /// <summary>There is no capture slot: the activation goes unseen. What it has ended goes off the books, or it could be taken for one that was entered at the same place.</summary>
    internal void Miss()
    {
        _asm.Load(MemorySize.DW, Register.R8, Register.R10, _entry);
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _record);
        ThreadRecord.Miss(_asm, StackReason.LostEntries);
        End();
    }

    /// <summary>Enters the activation, and stores the count behind the header of the stack at R8 + <paramref name="stack"/>. R8 survives.</summary>
    internal void Enter(int stack)
    {
        _asm.Store(MemorySize.DW, Register.R10, _slot, Register.R8);
        _asm.Load(MemorySize.DW, Register.R8, Register.R10, _entry);
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _record);
        Forget(Record.Missing);
        Forget(Record.Unproved);
        Track();
        Judge();
        _asm.Load(MemorySize.DW, Register.R8, Register.R10, _slot);
        Store(stack);
    }

    /// <summary>What was not known of an activation does not matter once it is over.</summary>
    private void Forget(int field)
    {
        var lives = _asm.CreateLabel("may still be live");
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, field);
        _asm.JumpIf(JumpOp.JGT, Register.R1, Register.R8, lives);
        _asm.Store(MemorySize.DW, Register.R9, field, 0);
        _asm.Place(lives);
    }

    /// <summary>R9 = the record, R8 = the entry; both survive. Ends the activations that are over, and begins this one.</summary>
    private void Track()
    {
        var push = _asm.CreateLabel("begin an activation");
        var pushToChunk = _asm.CreateLabel("begin an activation in a chunk");
        var entered = _asm.CreateLabel("entered");
        var tracked = _asm.CreateLabel("tracked");
        var prove = _asm.CreateLabel("is the last one live");
        var search = _asm.CreateLabel("end several");

        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.Count);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, push);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Top);
        _asm.JumpIf(JumpOp.JGT, Register.R2, Register.R8, prove);
        EndLast(search, push, prove);
        _asm.Place(search);
        End();
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, push);

        // An activation on the stack that this one's was entered from has nothing to do with the frames here.
        _asm.Place(prove);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Top);
        _asm.Xor(Register.R1, Register.R8);
        _asm.Rsh(Register.R1, ForeignRank);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, push);
        var proved = _asm.CreateLabel("the last one is live");
        new ActivationProof(_context, _key, _record, _end).Emit(proved, push);

        // What was not proved of it before, or of those that were taken off, does not matter any more.
        _asm.Place(proved);
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Top);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Unproved);
        _asm.JumpIf(JumpOp.JGT, Register.R2, Register.R1, push);
        _asm.Store(MemorySize.DW, Register.R9, Record.Unproved, 0);

        _asm.Place(push);
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _record);
        var second = _asm.CreateLabel("the entry before");
        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.Count);
        _asm.LoadImmediate64(Register.R2, long.MaxValue);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, second);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Top);
        _asm.Place(second);
        _asm.Store(MemorySize.DW, Register.R9, Record.Second, Register.R2);
        _asm.JumpIf(JumpOp.JGE, Register.R1, RecordEntries, pushToChunk);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Lsh(Register.R2, 3);
        _asm.Add(Register.R2, Register.R9);
        _asm.Store(MemorySize.DW, Register.R2, Record.Entries, Register.R8);
        _asm.Add(Register.R1, 1);
        _asm.Jump(entered);
        _asm.Place(pushToChunk);
        new ActivationChunks(_context, _key, _count, entered, tracked).Push();

        _asm.Place(entered);
        _asm.Store(MemorySize.W, Register.R9, Record.Count, Register.R1);
        _asm.Store(MemorySize.DW, Register.R9, Record.Top, Register.R8);
        _asm.Store(MemorySize.DW, Register.R10, _count, Register.R1);
        _asm.Place(tracked);
    }

    /// <summary>R9 = the record, R8 = the entry; both survive. Takes off what was entered there or below; R0 = how many stay.</summary>
    private void End()
    {
        _asm.Mov(Register.R1, Register.R9);
        _asm.Mov(Register.R2, Register.R8);
        _context.AddressOfFrame(Register.R3, _key);
        _asm.Call(_end);
    }

    /// <summary>R1 = the count, of which the last one at least is over. Mostly it alone is, where a function is called over and over: then nothing need be searched, unless it was the first of a chunk.</summary>
    private void EndLast(Label search, Label push, Label prove)
    {
        _asm.Load(MemorySize.DW, Register.R3, Register.R9, Record.Second);
        _asm.JumpIf(JumpOp.JLE, Register.R3, Register.R8, search);
        _asm.Mov(Register.R4, Register.R1);
        _asm.Sub(Register.R4, RecordEntries + 1);
        _asm.And(Register.R4, ChunkEntries - 1);
        _asm.JumpIf(JumpOp.JEQ, Register.R4, 0, search);
        _asm.Sub(Register.R1, 1);
        _asm.Store(MemorySize.W, Register.R9, Record.Count, Register.R1);
        _asm.Store(MemorySize.DW, Register.R9, Record.Top, Register.R3);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, push);
        _asm.Jump(prove);
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
        _asm.Store(MemorySize.DW, Register.R10, _reason, (int)StackReason.UnprovedActivation);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _doubt);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Unproved);
        _asm.Or(Register.R1, Register.R2);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, judged);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Missing);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, sure);
        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.MissingReason);
        _asm.Place(sure);
        _asm.Store(MemorySize.DW, Register.R10, _reason, Register.R1);
        _asm.Place(judged);
    }

    private void Store(int stack)
    {
        var known = _asm.CreateLabel("completeness known");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _count);
        _asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        _asm.Note("live activations");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _reason);
        _asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Reason, Register.R1);
        foreach (var reason in (ReadOnlySpan<StackReason>)[StackReason.None, StackReason.FrameLimit, StackReason.ForeignStack, StackReason.InterruptedStack, StackReason.UnprovedActivation])
        {
            _asm.Mov(Register.R2, (int)reason.Completeness());
            _asm.JumpIf(JumpOp.JEQ, Register.R1, (int)reason, known);
        }
        _asm.Mov(Register.R2, (int)Completeness.Broken);
        _asm.Place(known);
        _asm.Store(MemorySize.W, Register.R8, stack + StackHeader.Completeness, Register.R2);
    }
}
