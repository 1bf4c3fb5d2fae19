using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>Stores the entries of a recursion that is too deep for the record. R9 = the record, R8 = the entry.</summary>
internal sealed class ActivationChunks
{
    private const int NoExist = 1; // BPF_NOEXIST

    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly int _threadKey;
    private readonly int _key;
    private readonly int _place;
    private readonly int _count;
    private readonly Label _entered;
    private readonly Label _tracked;

    /// <param name="context">The program.</param>
    /// <param name="key">The record's key, in the frame.</param>
    /// <param name="count">Where in the frame the count goes.</param>
    /// <param name="entered">Where to go with R1 = how many there are, once the entry is stored.</param>
    /// <param name="tracked">Where to go when the record and the count are as they should be.</param>
    internal ActivationChunks(LoweringContext context, int key, int count, Label entered, Label tracked)
    {
        _context = context;
        _asm = context.Asm;
        _threadKey = key;
        _key = context.Allocate(ChunkKey.Bytes);
        _place = context.Allocate(sizeof(long));
        (_count, _entered, _tracked) = (count, entered, tracked);
    }

    /// <summary>R1 = how many activations there are already, all entries of the record among them. Stores one more.</summary>
    internal void Push()
    {
        var begin = _asm.CreateLabel("begin a chunk");
        var stored = _asm.CreateLabel("stored in a chunk");
        var full = _asm.CreateLabel("no room");
        var noMemory = _asm.CreateLabel("no memory");
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _threadKey);
        _asm.Store(MemorySize.DW, Register.R10, _key, Register.R2);
        _asm.Sub(Register.R1, RecordEntries);
        _asm.Store(MemorySize.DW, Register.R10, _place, Register.R1);
        _asm.JumpIf(JumpOp.JGE, Register.R1, Capacity - RecordEntries, full);
        _asm.Mov(Register.R2, Register.R1);
        _asm.Rsh(Register.R2, ChunkShift);
        _asm.Add(Register.R2, 1);
        _asm.Store(MemorySize.W, Register.R10, _key + ChunkKey.Number, Register.R2);
        _asm.And(Register.R1, ChunkEntries - 1);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, 0, begin);
        Lookup(noMemory);
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
        _asm.Jump(_tracked);
        _asm.Place(noMemory);
        Miss(StackReason.LostEntries);
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
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _place);
        _asm.Add(Register.R1, RecordEntries + 1);
        _asm.Store(MemorySize.DW, Register.R10, _count, Register.R1);
        ThreadRecord.Miss(_asm, reason);
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
