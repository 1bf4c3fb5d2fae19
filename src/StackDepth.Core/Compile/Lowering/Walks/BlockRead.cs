using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The function that reads a block of the user's stack into the walk's memory: R1 = the memory, R2 = the address, 8-byte aligned; R0 = 0, or what bpf_probe_read_user answers. A read
/// costs the same whatever its size, so it takes much at once where the stack is known to go on, and else the rest of the page: what lies behind a stack's last page
/// faults, which costs more than a whole walk.
/// </summary>
internal static class BlockRead
{
    private const int PageBytes = 4096;

    // The kernel keeps at least so much free below the first thread's stack (mmap_base, arch/x86/mm/mmap.c): an address as near is on that stack.
    private const int GapBytes = 128 << 20;

    internal static void Place(WalkCode code)
    {
        var asm = code.Asm;
        var page = asm.CreateLabel("to the page's end");
        var some = asm.CreateLabel("to the block's end");
        var done = asm.CreateLabel("done");
        asm.Origin = "read a block of the stack";
        asm.BeginFunction(code.ReadBlock, $"{code.Target.Name}_block");
        asm.Mov(Register.R6, Register.R1);
        asm.Mov(Register.R7, Register.R2);

        if (code.Target.Stops)
        {
            // What lies above the stop is not looked at.
            var beyond = asm.CreateLabel("beyond the stop");
            asm.Load(MemorySize.DW, Register.R8, Register.R6, WalkMemory.Stop);
            asm.Sub(Register.R8, Register.R7);
            asm.JumpIf(JumpOp.JGT, Register.R8, WalkMemory.BlockBytes, beyond);
            asm.JumpIf(JumpOp.JLT, Register.R8, sizeof(long), beyond);
            asm.And(Register.R8, -sizeof(long));
            Read();
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
            asm.Place(beyond);
        }

        // All up to where the stack begins, on the first thread's.
        asm.Load(MemorySize.DW, Register.R8, Register.R6, WalkMemory.StackStart);
        asm.Sub(Register.R8, Register.R7);
        asm.JumpIf(JumpOp.JGT, Register.R8, GapBytes, page);
        asm.JumpIf(JumpOp.JLT, Register.R8, sizeof(long), page);
        asm.And(Register.R8, -sizeof(long));
        asm.JumpIf(JumpOp.JLE, Register.R8, WalkMemory.BlockBytes, some);
        asm.Mov(Register.R8, WalkMemory.BlockBytes);
        asm.Place(some);
        Read();
        // Pages in between can be missing: those of a large local that was never touched.
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);

        asm.Place(page);
        asm.Mov(Register.R1, Register.R7);
        asm.And(Register.R1, PageBytes - sizeof(long));
        asm.Mov(Register.R8, PageBytes);
        asm.Sub(Register.R8, Register.R1);
        Read();
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
        // The block has nothing that may be used.
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.BlockAddress, -1);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.BlockLimit, 0);
        asm.Exit();
        asm.Place(done);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.BlockAddress, Register.R7);
        asm.Sub(Register.R8, sizeof(long));
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.BlockLimit, Register.R8);
        asm.Exit();

        void Read()
        {
            asm.Mov(Register.R1, Register.R6);
            asm.Add(Register.R1, WalkMemory.Block);
            asm.Mov(Register.R2, Register.R8);
            asm.Mov(Register.R3, Register.R7);
            asm.Call(HelperId.ProbeReadUser);
        }
    }
}
