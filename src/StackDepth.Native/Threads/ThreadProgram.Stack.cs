using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Native.Threads;

/// <summary>The memory that the walk in user space needs: the return addresses that uretprobes replaced, and the top of the stack.</summary>
internal static partial class ThreadProgram
{
    /// <summary>R8 = the process's memory.</summary>
    private static void ReadReturns(Assembler asm, KernelOffsets kernel)
    {
        asm.Origin = "return addresses that uretprobes replaced";
        var none = asm.CreateLabel("no replaced returns");
        var next = asm.CreateLabel("next replaced return");
        var end = asm.CreateLabel("end of replaced returns");
        Read(asm, MemorySize.DW, Register.R6, kernel.TaskUprobes);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, none);
        asm.Mov(Register.R9, Register.R1);
        Read(asm, MemorySize.DW, Register.R9, kernel.ReturnInstances);
        asm.Load(MemorySize.DW, Register.R9, Register.R10, Word);
        asm.JumpIf(JumpOp.JEQ, Register.R9, 0, none);
        Read(asm, MemorySize.DW, Register.R8, kernel.MemoryTrampoline);
        asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
        Read(asm, MemorySize.DW, Register.R8, kernel.TrampolineAddress);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        asm.Store(MemorySize.DW, Register.R7, 104, Register.R1);
        asm.Mov(Register.R8, 0);
        asm.Place(next);
        asm.JumpIf(JumpOp.JEQ, Register.R9, 0, end);
        asm.JumpIf(JumpOp.JGE, Register.R8, MaxReturns, end);
        Entry(kernel.ReturnStack, 0);
        Entry(kernel.ReturnAddress, sizeof(long));
        Read(asm, MemorySize.DW, Register.R9, kernel.ReturnNext);
        asm.Load(MemorySize.DW, Register.R9, Register.R10, Word);
        asm.Add(Register.R8, 1);
        asm.Jump(next);
        asm.Place(end);
        asm.Store(MemorySize.W, Register.R7, 112, Register.R8);
        asm.Place(none);

        void Entry(int field, int at)
        {
            asm.Mov(Register.R1, Register.R8);
            asm.Lsh(Register.R1, 4);
            asm.Add(Register.R1, Register.R7);
            asm.Add(Register.R1, ReturnsAt + at);
            asm.Mov(Register.R2, sizeof(long));
            asm.Mov(Register.R3, Register.R9);
            asm.Add(Register.R3, field);
            asm.Call(HelperId.ProbeReadKernel);
        }
    }

    /// <summary>Copies the stack from the stack pointer to the end of its mapping, as far as there is room: R9 = how much.</summary>
    private static void ReadStack(Assembler asm, Label mapping, Label done)
    {
        asm.Origin = "the top of its stack";
        var found = asm.CreateLabel("stack found");
        var fits = asm.CreateLabel("stack fits");
        asm.Mov(Register.R9, 0);
        asm.Store(MemorySize.DW, Register.R10, Context, Register.R7);
        asm.Mov(Register.R1, Register.R6);
        asm.Load(MemorySize.DW, Register.R2, Register.R7, ThreadRecord.SpAt);
        asm.LoadFunction(Register.R3, mapping);
        asm.Mov(Register.R4, Register.R10);
        asm.Add(Register.R4, Context);
        asm.Mov(Register.R5, 0);
        asm.Call(HelperId.FindVma);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, found);
        asm.JumpIf(JumpOp.JNE, Register.R0, Busy, done);
        AddState(asm, SampleState.MappingBusy);
        asm.Jump(done);
        asm.Place(found);
        asm.Load(MemorySize.DW, Register.R3, Register.R7, ThreadRecord.SpAt);
        asm.Load(MemorySize.DW, Register.R8, Register.R7, 72);
        asm.Sub(Register.R8, Register.R3);
        asm.JumpIf(JumpOp.JLE, Register.R8, MaxStackBytes, fits);
        asm.Mov(Register.R8, MaxStackBytes);
        asm.Place(fits);
        asm.Mov(Register.R1, Register.R7);
        asm.Add(Register.R1, ThreadRecord.Length);
        asm.Mov(Register.R2, Register.R8);
        asm.Mov(Register.R4, Register.R6);
        asm.Mov(Register.R5, 0);
        asm.Call(HelperId.CopyFromUserTask);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, done);
        asm.Note("what is needed of it is read from user space then");
        asm.Mov(Register.R9, Register.R8);
    }

    private static void PlaceMapping(Assembler asm, KernelOffsets kernel, Label mapping)
    {
        asm.Origin = "the mapping of the stack pointer";
        asm.BeginFunction(mapping, "stack_mapping");
        asm.Load(MemorySize.DW, Register.R6, Register.R3, 0);
        asm.Load(MemorySize.DW, Register.R1, Register.R2, kernel.MappingStart);
        asm.Store(MemorySize.DW, Register.R6, 64, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R2, kernel.MappingEnd);
        asm.Store(MemorySize.DW, Register.R6, 72, Register.R1);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }
}
