using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>Counts the frames that lie in functions of the query's sets. Each frame is either looked up once or stepped over once.</summary>
internal static class FrameCounts
{
    /// <summary>Counts the frame in hand, whose address's entry is at R9. Changes R1 and R2.</summary>
    internal static void Count(WalkCode code)
    {
        if (code.Target.Sets == 0)
            return;
        var asm = code.Asm;
        asm.Origin = "count the frame";
        for (var set = 0; set < code.Target.Sets; set++)
        {
            asm.Load(MemorySize.W, Register.R1, Register.R9, WalkMemory.Addresses + WalkMemory.AddressEntry.Marks);
            if (set > 0)
                asm.Rsh(Register.R1, set);
            asm.And(Register.R1, 1);
            code.Load(Register.R2, Counter(set));
            asm.Add(Register.R2, Register.R1);
            code.Store(Counter(set), Register.R2);
        }
    }

    /// <summary>Counts a frame that is stepped over: R7 = its return address, R4 = the plain stretch's first one. Changes R7 and R9.</summary>
    internal static void CountPlain(WalkCode code)
    {
        if (!code.CountsInPlain)
            return;
        var asm = code.Asm;
        var elsewhere = asm.CreateLabel("not in the functions");
        asm.Sub(Register.R7, Register.R4);
        code.Load(Register.R9, WalkMemory.MarkedStart);
        asm.Sub(Register.R7, Register.R9);
        code.Load(Register.R9, WalkMemory.MarkedLength);
        asm.JumpIf(JumpOp.JGE, Register.R7, Register.R9, elsewhere);
        code.Load(Register.R9, Counter(0));
        asm.Add(Register.R9, 1);
        code.Store(Counter(0), Register.R9);
        asm.Place(elsewhere);
    }

    internal static void Clear(Assembler asm, Register memory, int sets)
    {
        for (var set = 0; set < sets; set++)
            asm.Store(MemorySize.DW, memory, Counter(set), 0);
    }

    internal static int Counter(int set) => WalkMemory.Counts + (set * sizeof(long));
}
