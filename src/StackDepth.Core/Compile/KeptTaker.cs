using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>
/// A program that user space runs to take a kept hit out of its place, so that what is kept begins anew. It locks the place as hits do, and user space reads it then; run again it empties the place and unlocks it. Hits
/// that come meanwhile go to other places.
/// </summary>
internal static class KeptTaker
{
    /// <summary>1 to lock, 0 to empty and unlock; in the context.</summary>
    internal const int Locks = 0;

    /// <summary>Which place of the order.</summary>
    internal const int Index = 8;

    /// <summary>The place's own number.</summary>
    internal const int Place = 16;

    /// <summary>The key; of the hits that are kept over all, 4 bytes of zeroes.</summary>
    internal const int Key = 24;

    /// <summary>The program's result where the place was locked, or is empty and unlocked.</summary>
    internal const uint Done = 0;

    /// <summary>The program's result where a hit is being written there.</summary>
    internal const uint Busy = 1;

    internal static int KeyBytes(KeptLayout layout) => layout.Key?.Size ?? sizeof(int);

    internal static int ContextBytes(KeptLayout layout) => Key + ((KeyBytes(layout) + 7) & ~7);

    internal static ProgramSpec Build(KeptLayout layout)
    {
        var asm = new Assembler { Origin = "the order" };
        var absent = asm.CreateLabel("absent");
        var unlock = asm.CreateLabel("unlock");
        var empty = asm.CreateLabel("empty");
        var key = -(ContextBytes(layout) - Key);
        var place = key - sizeof(long);
        asm.Mov(Register.R6, Register.R1);
        for (var part = 0; part < -key; part += sizeof(long))
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R6, Key + part);
            asm.Store(MemorySize.DW, Register.R10, key + part, Register.R1);
        }
        asm.LoadMap(Register.R1, MapNames.KeptOrder);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, key);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
        asm.Mov(Register.R7, Register.R0);
        asm.Load(MemorySize.DW, Register.R1, Register.R6, Index);
        asm.And(Register.R1, layout.OrderEntries - 1);
        asm.Lsh(Register.R1, 4);
        asm.Add(Register.R7, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R6, Locks);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, unlock);
        asm.Origin = "lock the place";
        asm.Mov(Register.R1, 1);
        asm.AtomicExchange(MemorySize.DW, Register.R7, KeptLayout.OrderLock, Register.R1);
        // 1 where it was locked.
        asm.Mov(Register.R0, Register.R1);
        asm.And(Register.R0, 1);
        asm.Exit();
        asm.Origin = "empty the place";
        asm.Place(unlock);
        asm.Load(MemorySize.DW, Register.R1, Register.R6, Place);
        asm.Store(MemorySize.DW, Register.R10, place, Register.R1);
        asm.LoadMap(Register.R1, MapNames.Kept);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, place);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, empty);
        asm.Store(MemorySize.DW, Register.R0, KeptLayout.Value, 0);
        asm.Place(empty);
        asm.Store(MemorySize.DW, Register.R7, KeptLayout.OrderValue, 0);
        asm.Mov(Register.R1, 0);
        asm.AtomicExchange(MemorySize.DW, Register.R7, KeptLayout.OrderLock, Register.R1);
        asm.Mov(Register.R0, (int)Done);
        asm.Exit();
        asm.Place(absent);
        asm.Mov(Register.R0, (int)Busy);
        asm.Exit();
        return new() { Name = "sd_take_kept", Type = ProgramType.Syscall, IsSleepable = true, Instructions = asm.Assemble().Instructions };
    }
}
