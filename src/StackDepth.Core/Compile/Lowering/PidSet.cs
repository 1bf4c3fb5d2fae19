using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// A set of process ids, one bit each, in one value of an array map that programs address directly: to ask it costs a load, where a hash map costs tens of nanoseconds at
/// every hit. It has room for every id that a 64-bit kernel gives (PID_MAX_LIMIT, include/linux/threads.h), so it can neither fill up nor lose one.
/// </summary>
internal static class PidSet
{
    private const int PidLimit = 4 << 20;
    private const int WordShift = 6;
    private const int WordBits = 1 << WordShift;

    internal static MapSpec Map { get; } = new(MapNames.Followed, MapType.Array, sizeof(int), PidLimit / 8, 1);

    /// <summary>The offset of an id's word of 8 bytes in the value, and its bit; null for what is no process id.</summary>
    internal static (int Offset, ulong Bit)? Place(int processId) =>
        (uint)processId < PidLimit ? ((processId >> WordShift) * sizeof(ulong), 1UL << (processId & (WordBits - 1))) : null;

    /// <summary>Goes to <paramref name="absent"/> unless the id in <paramref name="pid"/> is in the set. Uses R1 and R2, spoils <paramref name="pid"/>.</summary>
    internal static void Test(Assembler asm, Register pid, Label absent)
    {
        WordAddress(asm, pid, absent);
        asm.Load(MemorySize.DW, Register.R1, Register.R1, 0);
        asm.And(pid, WordBits - 1);
        asm.Rsh(Register.R1, pid);
        asm.And(Register.R1, 1);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, absent);
    }

    /// <summary>Adds the id in <paramref name="pid"/>. Uses R1 and R2, spoils <paramref name="pid"/>; goes to <paramref name="impossible"/> for what is no process id.</summary>
    internal static void Add(Assembler asm, Register pid, Label impossible)
    {
        Bit(asm, pid, impossible);
        asm.AtomicOr(MemorySize.DW, Register.R1, 0, Register.R2);
    }

    /// <summary>Removes the id in <paramref name="pid"/>. Uses R1 and R2, spoils <paramref name="pid"/>; goes to <paramref name="impossible"/> for what is no process id.</summary>
    internal static void Remove(Assembler asm, Register pid, Label impossible)
    {
        Bit(asm, pid, impossible);
        asm.Xor(Register.R2, -1);
        asm.AtomicAnd(MemorySize.DW, Register.R1, 0, Register.R2);
    }

    /// <summary>R1 = the address of the id's word, R2 = its bit.</summary>
    private static void Bit(Assembler asm, Register pid, Label impossible)
    {
        WordAddress(asm, pid, impossible);
        asm.And(pid, WordBits - 1);
        asm.Mov(Register.R2, 1);
        asm.Lsh(Register.R2, pid);
    }

    /// <summary>R1 = the address of the id's word; uses R2.</summary>
    private static void WordAddress(Assembler asm, Register pid, Label impossible)
    {
        asm.JumpIf(JumpOp.JGE, pid, PidLimit, impossible);
        asm.Mov(Register.R2, pid);
        asm.Rsh(Register.R2, WordShift);
        asm.Lsh(Register.R2, 3);
        asm.LoadMapValue(Register.R1, MapNames.Followed, 0);
        asm.Add(Register.R1, Register.R2);
    }
}
