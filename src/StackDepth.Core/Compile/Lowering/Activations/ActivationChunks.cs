using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>The entries of a recursion that is too deep for the record. R9 = the record, R8 = the entry.</summary>
internal sealed class ActivationChunks
{
    private const int NoExist = 1; // BPF_NOEXIST

    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly int _threadKey;
    private readonly int _key;
    private readonly int _place;
    private readonly int _count;
    private readonly Label _push;
    private readonly Label _entered;
    private readonly Label _tracked;
    private readonly Label _lostTrack;

    /// <param name="context">The program.</param>
    /// <param name="key">The record's key, in the frame.</param>
    /// <param name="count">Where in the frame the count goes.</param>
    /// <param name="push">Where to go with R1 = how many activations stay.</param>
    /// <param name="entered">Where to go with R1 = how many there are, once the entry is stored.</param>
    /// <param name="tracked">Where to go when the record and the count are as they should be.</param>
    internal ActivationChunks(LoweringContext context, int key, int count, Label push, Label entered, Label tracked)
    {
        _context = context;
        _asm = context.Asm;
        _threadKey = key;
        _key = context.Allocate(ChunkKey.Bytes);
        _place = context.Allocate(sizeof(long));
        (_count, _push, _entered, _tracked) = (count, push, entered, tracked);
        _lostTrack = _asm.CreateLabel("lost track");
    }

    /// <summary>R1 = the count, of which the record's own entries all stay. Finds how many of the others do.</summary>
    internal void End()
    {
        var inChunk = _asm.CreateLabel("ends in this chunk");
        var earlier = _asm.CreateLabel("ends in an earlier chunk");
        var begin = _asm.CreateLabel("the first of a chunk");
        CopyKey();
        // R2 = the last chunk in use, R5 = how many entries it has.
        _asm.Sub(Register.R1, RecordEntries + 1);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Rsh(Register.R2, ChunkShift);
        _asm.Mov(Register.R5, Register.R1);
        _asm.And(Register.R5, ChunkEntries - 1);
        _asm.Add(Register.R5, 1);
        _asm.Load(MemorySize.DW, Register.R3, Register.R9, Record.ChunkFirst);
        _asm.JumpIf(JumpOp.JGT, Register.R3, Register.R8, inChunk);
        _asm.JumpIf(JumpOp.JNE, Register.R2, 0, earlier);
        _asm.Mov(Register.R1, RecordEntries);
        _asm.Jump(_push);

        _asm.Place(earlier);
        _asm.Store(MemorySize.DW, Register.R10, _place, Register.R2);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, 0);
        Lookup(_lostTrack);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _place);
        ActivationSearch.Emit(_asm, 0, ChunkEntries);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Mov(Register.R5, ChunkEntries);

        _asm.Place(inChunk);
        _asm.Store(MemorySize.DW, Register.R10, _place, Register.R2);
        _asm.Store(MemorySize.DW, Register.R10, _count, Register.R5);
        _asm.Add(Register.R2, 1);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, Register.R2);
        Lookup(_lostTrack);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _count);
        ActivationSearch.Emit(_asm, 0, ChunkEntries);
        // R1 = how many stay in it, R2 = in all the chunks.
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _place);
        _asm.Lsh(Register.R2, ChunkShift);
        _asm.Add(Register.R2, Register.R1);
        _asm.Mov(Register.R3, Register.R1);
        _asm.And(Register.R3, ChunkEntries - 1);
        _asm.JumpIf(JumpOp.JEQ, Register.R3, 0, begin);
        _asm.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        _asm.Store(MemorySize.DW, Register.R9, Record.ChunkFirst, Register.R1);
        _asm.Lsh(Register.R3, 3);
        _asm.Add(Register.R0, Register.R3);
        _asm.Store(MemorySize.DW, Register.R0, 0, Register.R8);
        _asm.Mov(Register.R1, Register.R2);
        _asm.Add(Register.R1, RecordEntries + 1);
        _asm.Jump(_entered);
        _asm.Place(begin);
        _asm.Mov(Register.R1, Register.R2);
        _asm.Add(Register.R1, RecordEntries);
        _asm.Jump(_push);
    }

    /// <summary>R1 = how many activations stay, all entries of the record among them. Stores the entry behind them; falls through to nowhere.</summary>
    internal void Push()
    {
        var begin = _asm.CreateLabel("begin a chunk");
        var stored = _asm.CreateLabel("stored in a chunk");
        var full = _asm.CreateLabel("no room");
        var noMemory = _asm.CreateLabel("no memory");
        CopyKey();
        _asm.Sub(Register.R1, RecordEntries);
        _asm.Store(MemorySize.DW, Register.R10, _place, Register.R1);
        _asm.JumpIf(JumpOp.JGE, Register.R1, Capacity - RecordEntries, full);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Rsh(Register.R2, ChunkShift);
        _asm.Add(Register.R2, 1);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, Register.R2);
        _asm.And(Register.R1, ChunkEntries - 1);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, begin);
        Lookup(_lostTrack);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.And(Register.R1, ChunkEntries - 1);
        _asm.Lsh(Register.R1, 3);
        _asm.Add(Register.R0, Register.R1);
        _asm.Store(MemorySize.DW, Register.R0, 0, Register.R8);
        _asm.Place(stored);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.Add(Register.R1, RecordEntries + 1);
        _asm.Jump(_entered);

        _asm.Place(begin);
        Begin(noMemory);
        _asm.Jump(stored);

        _asm.Place(full);
        Miss(StackReason.FrameLimit);
        _asm.Place(noMemory);
        Miss(StackReason.LostEntries);

        // What must be there is not: nothing is known of this thread any more.
        _asm.Place(_lostTrack);
        _asm.Store(MemorySize.W, Register.R9, Record.Count, 0);
        _asm.LoadImmediate64(Register.R1, long.MaxValue);
        _asm.Store(MemorySize.DW, Register.R9, Record.Missing, Register.R1);
        _asm.Store(MemorySize.W, Register.R9, Record.MissingReason, (int)StackReason.LostEntries);
        _asm.Store(MemorySize.DW, Register.R10, _count, 1);
        _asm.Jump(_tracked);
    }

    /// <summary>The entry is the first of a chunk, which may have to be made, and goes into the index unless the chunk is the first.</summary>
    private void Begin(Label noMemory)
    {
        var first = _asm.CreateLabel("the first chunk");
        var counted = _asm.CreateLabel("chunk counted");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, first);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, 0);
        FindOrMake(noMemory);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.Rsh(Register.R1, ChunkShift);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Add(Register.R2, 1);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, Register.R2);
        _asm.Sub(Register.R1, 1);
        _asm.And(Register.R1, ChunkEntries - 1);
        _asm.Lsh(Register.R1, 3);
        _asm.Add(Register.R0, Register.R1);
        _asm.Store(MemorySize.DW, Register.R0, 0, Register.R8);
        _asm.Place(first);
        FindOrMake(noMemory);
        _asm.Store(MemorySize.DW, Register.R0, 0, Register.R8);
        _asm.Store(MemorySize.DW, Register.R9, Record.ChunkFirst, Register.R8);
        _asm.Load(MemorySize.W, Register.R1, Register.R10, _key + ChunkKey.Number);
        _asm.Add(Register.R1, 1);
        _asm.Load(MemorySize.W, Register.R2, Register.R9, Record.ChunksMade);
        _asm.JumpIf(JumpOp.JGE, Register.R2, Register.R1, counted);
        _asm.Store(MemorySize.W, Register.R9, Record.ChunksMade, Register.R1);
        _asm.Place(counted);
    }

    /// <summary>The entry cannot be stored: what is counted from now on is a lower bound, until this activation is over.</summary>
    private void Miss(StackReason reason)
    {
        var known = _asm.CreateLabel("more is missing already");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.Add(Register.R1, RecordEntries);
        _asm.Load(MemorySize.W, Register.R2, Register.R9, Record.Count);
        _asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, _lostTrack);
        _asm.Add(Register.R1, 1);
        _asm.Store(MemorySize.DW, Register.R10, _count, Register.R1);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Missing);
        _asm.JumpIf(JumpOp.JGT, Register.R1, Register.R8, known);
        _asm.Store(MemorySize.DW, Register.R9, Record.Missing, Register.R8);
        _asm.Store(MemorySize.W, Register.R9, Record.MissingReason, (int)reason);
        _asm.Place(known);
        _asm.Jump(_tracked);
    }

    private void CopyKey()
    {
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _threadKey);
        _asm.Store(MemorySize.DW, Register.R10, _key, Register.R2);
    }

    /// <summary>R0 = the chunk of the key.</summary>
    private void Lookup(Label absent)
    {
        _asm.LoadMap(Register.R1, MapNames.ActivationChunks);
        _context.AddressOfFrame(Register.R2, _key);
        _asm.Call(HelperId.MapLookupElem);
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
    }

    /// <summary>R0 = the chunk of the key, made where there is none.</summary>
    private void FindOrMake(Label noMemory)
    {
        var make = _asm.CreateLabel("make a chunk");
        var found = _asm.CreateLabel("chunk found");
        Lookup(make);
        _asm.Jump(found);
        _asm.Place(make);
        _asm.LoadMap(Register.R1, MapNames.ActivationChunks);
        _context.AddressOfFrame(Register.R2, _key);
        _asm.LoadMapValue(Register.R3, MapNames.ActivationsLost, 0);
        _asm.Mov(Register.R4, NoExist);
        _asm.Call(HelperId.MapUpdateElem);
        Lookup(noMemory);
        _asm.Place(found);
    }
}
