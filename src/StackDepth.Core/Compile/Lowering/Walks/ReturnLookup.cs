using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The function that finds what a uretprobe's trampoline took the place of: R1 = the memory, R2 = the address of the hijacked slot; R0 = 0 and <see cref="WalkMemory.Ip"/> = the
/// real return address, or R0 is not 0.
/// </summary>
/// <remarks>
/// The kernel's list has an entry for each call that was hijacked, the newest first, with the address of the slot in it (prepare_uretprobe, kernel/events/uprobes.c). Not each
/// entry is a frame's: a tail call has the slot of the call before it, whose real address it takes over, and entries that a longjmp went past stay in the list for a while. So
/// the first entry of the very slot is taken, and those before it are left behind.
/// </remarks>
internal static class ReturnLookup
{
    /// <summary>The kernel hijacks no more at a time (MAX_URETPROBE_DEPTH, include/linux/uprobes.h).</summary>
    internal const int MostEntries = 64;

    private const int Word = -8;

    internal static void Place(WalkCode code)
    {
        var asm = code.Asm;
        var offsets = code.Target.Offsets;
        var entry = asm.CreateLabel("an entry of the list");
        var found = asm.CreateLabel("the slot's entry");
        var done = asm.CreateLabel("return done");
        asm.Origin = "find a hijacked return";
        asm.BeginFunction(code.FindReturn, $"{code.Target.Name}_return");
        asm.Mov(Register.R6, Register.R1);
        asm.Mov(Register.R7, Register.R2);
        code.Load(Register.R8, WalkMemory.ReturnInstance);
        asm.Mov(Register.R9, MostEntries);

        asm.Place(entry);
        // At the list's end this reads at zero, which fails.
        Read(offsets.ReturnStack);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R7, found);
        Read(offsets.ReturnNext);
        asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
        asm.Sub(Register.R9, 1);
        asm.JumpIf(JumpOp.JNE, Register.R9, 0, entry);
        asm.Mov(Register.R0, 1);
        asm.Exit();

        asm.Place(found);
        Read(offsets.ReturnAddress);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        code.Store(WalkMemory.Ip, Register.R1);
        Read(offsets.ReturnNext);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        code.Store(WalkMemory.ReturnInstance, Register.R1);
        asm.Place(done);
        asm.Exit();

        // A field of the entry at R8.
        void Read(int field)
        {
            asm.Mov(Register.R1, Register.R10);
            asm.Add(Register.R1, Word);
            asm.Mov(Register.R2, sizeof(long));
            asm.Mov(Register.R3, Register.R8);
            asm.Add(Register.R3, field);
            asm.Call(HelperId.ProbeReadKernel);
            asm.JumpIf(JumpOp.JNE, Register.R0, 0, done);
        }
    }
}
