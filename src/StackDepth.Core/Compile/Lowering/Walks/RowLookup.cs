using StackDepth.Native.Asm;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// Finds the rule of an address: the page of text that it lies in, then its row among the page's. The search has no branches: the verifier follows every path through branches
/// that it cannot decide, which multiplies with each step of a search.
/// </summary>
internal static class RowLookup
{
    private const int PageShift = 8;
    private const int LastInPage = (1 << PageShift) - 1;
    private const int WordShift = 14;
    private const int WordMask = (1 << WordShift) - 1;
    private const int RuleBits = 24;

    /// <summary>R8 = the rule for the address in R7 in the mapping whose cache entry is at R8; 0 (None) where the text has no rows. R9 does not survive.</summary>
    internal static void Find(WalkCode code)
    {
        var asm = code.Asm;
        var none = asm.CreateLabel("no rows");
        var done = asm.CreateLabel("rule found");
        var lost = asm.CreateLabel("table lost");
        asm.Store(MemorySize.W, Register.R10, WalkCode.FirstKey, 0);

        // R9 = the file offset.
        asm.Load(MemorySize.DW, Register.R9, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.Offset);
        asm.Add(Register.R9, Register.R7);
        asm.Mov(Register.R1, Register.R9);
        asm.Rsh(Register.R1, PageShift);
        asm.Load(MemorySize.W, Register.R2, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.FirstPage);
        asm.Sub(Register.R1, Register.R2);
        asm.Load(MemorySize.W, Register.R2, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.PageCount);
        asm.JumpIf(JumpOp.JGE, Register.R1, Register.R2, none);
        asm.Load(MemorySize.W, Register.R2, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.IndexWord);
        asm.Mov(Register.R8, Register.R1);
        asm.Add(Register.R8, Register.R2);
        asm.Note("the word of the page's entry");

        Chunk(Register.R8);
        asm.And(Register.R8, WordMask);
        asm.Lsh(Register.R8, 2);
        asm.Add(Register.R0, Register.R8);
        asm.Load(MemorySize.W, Register.R8, Register.R0, 0);
        asm.Note("word of the page's first row, and rows less one");

        asm.Mov(Register.R1, Register.R8);
        asm.Rsh(Register.R1, PageShift);
        Chunk(Register.R1);

        // R0 = the rows' chunk, R1 = first row in it, R2 = last row of the page, R3 = what the row may be at most, R4 = the row found so far.
        asm.Mov(Register.R1, Register.R8);
        asm.Rsh(Register.R1, PageShift);
        asm.And(Register.R1, WordMask);
        asm.Mov(Register.R2, Register.R8);
        asm.And(Register.R2, LastInPage);
        asm.Mov(Register.R3, Register.R9);
        asm.And(Register.R3, LastInPage);
        asm.Lsh(Register.R3, RuleBits);
        asm.Or(Register.R3, (1 << RuleBits) - 1);
        asm.Mov(Register.R4, 0);
        var few = asm.CreateLabel("few rows");
        asm.JumpIf(JumpOp.JLT, Register.R2, 16, few);
        for (var step = 128; step > 0; step >>= 1)
        {
            if (step == 8)
                asm.Place(few);
            asm.Mov(Register.R5, Register.R4);
            asm.Add(Register.R5, step);
            asm.Mov(Register.R8, Register.R2);
            asm.Sub(Register.R8, Register.R5);
            asm.Note("negative past the last row");
            asm.Add(Register.R5, Register.R1);
            asm.And(Register.R5, WordMask);
            asm.Lsh(Register.R5, 2);
            asm.Mov(Register.R9, Register.R0);
            asm.Add(Register.R9, Register.R5);
            asm.Load(MemorySize.W, Register.R5, Register.R9, 0);
            asm.Mov(Register.R9, Register.R3);
            asm.Sub(Register.R9, Register.R5);
            asm.Note("negative past the address");
            asm.Or(Register.R8, Register.R9);
            asm.Arsh(Register.R8, 63);
            asm.Xor(Register.R8, -1);
            asm.And(Register.R8, step);
            asm.Add(Register.R4, Register.R8);
        }
        asm.Add(Register.R4, Register.R1);
        asm.And(Register.R4, WordMask);
        asm.Lsh(Register.R4, 2);
        asm.Add(Register.R0, Register.R4);
        asm.Load(MemorySize.W, Register.R1, Register.R0, 0);
        asm.And(Register.R1, (1 << RuleBits) - 1);
        if (code.Target.Sets > 0)
        {
            asm.Mov(Register.R2, Register.R1);
            asm.Rsh(Register.R2, UnwindMaps.MarksShift);
            code.Store(WalkMemory.Marks, Register.R2);
            asm.And(Register.R1, UnwindMaps.MaxRules - 1);
        }
        asm.Store(MemorySize.W, Register.R10, WalkCode.Key, Register.R1);
        Lookup(UnwindMaps.RulesName, WalkCode.Key);
        asm.Load(MemorySize.DW, Register.R8, Register.R0, 0);
        asm.Jump(done);

        // Rows and rules are written before what refers to them, so this cannot be.
        asm.Place(lost);
        code.End(StackReason.TableUnusable);
        asm.Place(none);
        asm.Mov(Register.R8, 0);
        if (code.Target.Sets > 0)
            code.Store(WalkMemory.Marks, Register.R8);
        asm.Place(done);

        // R0 = the chunk of the word in a register.
        void Chunk(Register word)
        {
            asm.Mov(Register.R2, word);
            asm.Rsh(Register.R2, WordShift);
            asm.Store(MemorySize.W, Register.R10, WalkCode.Key, Register.R2);
            Lookup(UnwindMaps.TablesName, WalkCode.Key);
            asm.Mov(Register.R1, Register.R0);
            AddressOfKey(WalkCode.FirstKey);
            asm.Call(HelperId.MapLookupElem);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        }

        void Lookup(string map, int key)
        {
            asm.LoadMap(Register.R1, map);
            AddressOfKey(key);
            asm.Call(HelperId.MapLookupElem);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        }

        void AddressOfKey(int key)
        {
            asm.Mov(Register.R2, Register.R10);
            asm.Add(Register.R2, key);
        }
    }
}
