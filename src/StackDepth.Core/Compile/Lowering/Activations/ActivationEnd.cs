using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// The function that ends activations: R1 = the record, R2 = a bound, R3 = the record's key. The entries that are not greater than the bound are taken off; R0 = how many stay.
/// </summary>
internal static class ActivationEnd
{
    private const int ChunkAt = -16;
    private const int Place = -24;
    private const int InUse = -32;

    internal static void PlaceFunction(Assembler asm, Label function)
    {
        var inRecord = asm.CreateLabel("ends in the record");
        var inChunks = asm.CreateLabel("ends in the chunks");
        var stays = asm.CreateLabel("how many stay");
        var lost = asm.CreateLabel("lost track");
        var none = asm.CreateLabel("none stays");
        var done = asm.CreateLabel("done");
        asm.Origin = "end activations";
        asm.BeginFunction(function, "end_activations");
        asm.Mov(Register.R9, Register.R1);
        asm.Mov(Register.R8, Register.R2);
        asm.Load(MemorySize.DW, Register.R1, Register.R3, 0);
        asm.Store(MemorySize.DW, Register.R10, ChunkAt, Register.R1);

        asm.Load(MemorySize.W, Register.R2, Register.R9, Record.Count);
        asm.JumpIf(JumpOp.JLE, Register.R2, RecordEntries, inRecord);
        asm.Load(MemorySize.DW, Register.R3, Register.R9, Record.Entries + ((RecordEntries - 1) * sizeof(long)));
        asm.JumpIf(JumpOp.JSGT, Register.R3, Register.R8, inChunks);
        asm.Mov(Register.R2, RecordEntries);
        asm.Place(inRecord);
        asm.Mov(Register.R0, Register.R9);
        ActivationSearch.Emit(asm, Record.Entries, RecordEntries);
        asm.Jump(stays);
        asm.Place(inChunks);
        InChunks(asm, stays, lost);

        // R1 = how many stay: the last of them becomes the top.
        var topInChunk = asm.CreateLabel("the top is in a chunk");
        asm.Place(stays);
        asm.Store(MemorySize.W, Register.R9, Record.Count, Register.R1);
        asm.Mov(Register.R6, Register.R1);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, none);
        asm.JumpIf(JumpOp.JGT, Register.R1, RecordEntries, topInChunk);
        asm.Sub(Register.R1, 1);
        asm.And(Register.R1, RecordEntries);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R1, Register.R9);
        asm.Load(MemorySize.DW, Register.R1, Register.R1, Record.Entries);
        asm.Store(MemorySize.DW, Register.R9, Record.Top, Register.R1);
        asm.Mov(Register.R0, Register.R6);
        asm.Exit();
        asm.Place(topInChunk);
        asm.Sub(Register.R1, RecordEntries + 1);
        asm.Store(MemorySize.DW, Register.R10, Place, Register.R1);
        asm.Rsh(Register.R1, ChunkShift);
        asm.Add(Register.R1, 1);
        asm.Store(MemorySize.W, Register.R10, ChunkAt + ChunkKey.Number, Register.R1);
        Lookup(asm, lost);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        asm.Store(MemorySize.DW, Register.R9, Record.ChunkFirst, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Place);
        asm.And(Register.R1, ChunkEntries - 1);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R0, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        asm.Store(MemorySize.DW, Register.R9, Record.Top, Register.R1);
        asm.Jump(done);

        // What must be there is not: nothing is known of this thread any more.
        asm.Place(lost);
        asm.Store(MemorySize.W, Register.R9, Record.Count, 0);
        asm.LoadImmediate64(Register.R8, long.MaxValue);
        ThreadRecord.Miss(asm, StackReason.LostEntries);
        asm.Mov(Register.R6, 0);
        asm.Place(none);
        asm.Place(done);
        asm.Mov(Register.R0, Register.R6);
        asm.Exit();
    }

    /// <summary>R2 = the count, of which the record's own entries all stay. Goes on with R1 = how many of all stay.</summary>
    private static void InChunks(Assembler asm, Label stays, Label lost)
    {
        var inChunk = asm.CreateLabel("ends in this chunk");
        var earlier = asm.CreateLabel("ends in an earlier chunk");
        // R2 = the last chunk in use, R5 = how many entries it has.
        asm.Sub(Register.R2, RecordEntries + 1);
        asm.Mov(Register.R5, Register.R2);
        asm.And(Register.R5, ChunkEntries - 1);
        asm.Add(Register.R5, 1);
        asm.Rsh(Register.R2, ChunkShift);
        asm.Load(MemorySize.DW, Register.R3, Register.R9, Record.ChunkFirst);
        asm.JumpIf(JumpOp.JSGT, Register.R3, Register.R8, inChunk);
        asm.JumpIf(JumpOp.JNE, Register.R2, 0, earlier);
        asm.Mov(Register.R1, RecordEntries);
        asm.Jump(stays);

        asm.Place(earlier);
        asm.Store(MemorySize.DW, Register.R10, Place, Register.R2);
        asm.Store(MemorySize.W, Register.R10, ChunkAt + ChunkKey.Number, 0);
        Lookup(asm, lost);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, Place);
        ActivationSearch.Emit(asm, 0, ChunkEntries);
        asm.Mov(Register.R2, Register.R1);
        asm.Mov(Register.R5, ChunkEntries);

        asm.Place(inChunk);
        asm.Store(MemorySize.DW, Register.R10, Place, Register.R2);
        asm.Store(MemorySize.DW, Register.R10, InUse, Register.R5);
        asm.Add(Register.R2, 1);
        asm.Store(MemorySize.W, Register.R10, ChunkAt + ChunkKey.Number, Register.R2);
        Lookup(asm, lost);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, InUse);
        ActivationSearch.Emit(asm, 0, ChunkEntries);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, Place);
        asm.Lsh(Register.R2, ChunkShift);
        asm.Add(Register.R1, Register.R2);
        asm.Add(Register.R1, RecordEntries);
        asm.Jump(stays);
    }

    /// <summary>R0 = the chunk of the key.</summary>
    private static void Lookup(Assembler asm, Label absent)
    {
        asm.LoadMap(Register.R1, MapNames.ActivationChunks);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, ChunkAt);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
    }
}
