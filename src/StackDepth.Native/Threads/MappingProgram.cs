using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Threads;

/// <summary>
/// The program that the kernel runs for each mapping of each process (<c>iter/task_vma</c>): writes a <see cref="MappingRecord"/> of those that can be executed. The text of <c>/proc/PID/maps</c> says the same
/// and takes the kernel longer to write, and us to read.
/// </summary>
internal static class MappingProgram
{
    private const int Executable = 4; // VM_EXEC
    private const int Word = -8;
    private const int Sequence = -16;
    private const int Record = Sequence - MappingRecord.Length;

    internal static ProgramSpec Build(KernelOffsets kernel, ThreadOffsets threads)
    {
        var asm = new Assembler { Origin = "a mapping" };
        var exit = asm.CreateLabel("exit");
        var write = asm.CreateLabel("write");
        asm.Load(MemorySize.DW, Register.R6, Register.R1, 16);
        asm.JumpIf(JumpOp.JEQ, Register.R6, 0, exit);
        asm.Load(MemorySize.DW, Register.R2, Register.R6, kernel.MappingFlags);
        asm.And(Register.R2, Executable);
        asm.JumpIf(JumpOp.JEQ, Register.R2, 0, exit);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, 0);
        asm.Load(MemorySize.DW, Register.R2, Register.R2, 0);
        asm.Store(MemorySize.DW, Register.R10, Sequence, Register.R2);
        for (var at = 0; at < MappingRecord.Length; at += sizeof(long))
            asm.Store(MemorySize.DW, Register.R10, Record + at, 0);
        Copy(kernel.MappingStart, 16);
        Copy(kernel.MappingEnd, 24);
        Copy(kernel.MappingPageOffset, 32);

        asm.Origin = "whose it is";
        Read(MemorySize.DW, Register.R6, kernel.MappingMemory, Record);
        if (kernel.MemorySequence is { } sequence)
        {
            asm.Load(MemorySize.DW, Register.R7, Register.R10, Record);
            Read(MemorySize.W, Register.R7, sequence, Record + 8);
        }

        asm.Origin = "its file";
        Read(MemorySize.DW, Register.R6, kernel.MappingFile, Word);
        asm.Load(MemorySize.DW, Register.R7, Register.R10, Word);
        asm.JumpIf(JumpOp.JEQ, Register.R7, 0, write);
        asm.Store(MemorySize.W, Register.R10, Record + 12, 1);
        Read(MemorySize.DW, Register.R7, kernel.FileInode, Word);
        asm.Load(MemorySize.DW, Register.R7, Register.R10, Word);
        Read(MemorySize.DW, Register.R7, kernel.InodeNumber, Record + 40);
        Read(MemorySize.W, Register.R7, threads.InodeGeneration, Record + 52);
        Read(MemorySize.DW, Register.R7, threads.InodeChanged, Record + 56);
        Read(MemorySize.W, Register.R7, threads.InodeChangedNanoseconds, Record + 64);
        Read(MemorySize.DW, Register.R7, threads.InodeSize, Record + 72);
        Read(MemorySize.DW, Register.R7, kernel.InodeSuperBlock, Word);
        asm.Load(MemorySize.DW, Register.R7, Register.R10, Word);
        Read(MemorySize.W, Register.R7, kernel.SuperBlockDevice, Record + 48);

        asm.Place(write);
        asm.Origin = "the record";
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Sequence);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, Record);
        asm.Mov(Register.R3, MappingRecord.Length);
        asm.Call(HelperId.SeqWrite);
        asm.Place(exit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        var code = asm.Assemble();
        return new()
        {
            Name = "sd_mappings",
            Type = ProgramType.Tracing,
            ExpectedAttachType = AttachType.TraceIter,
            AttachFunction = threads.MappingIterator,
            Instructions = code.Instructions,
            Functions = code.Functions,
        };

        void Copy(int field, int at)
        {
            asm.Load(MemorySize.DW, Register.R2, Register.R6, field);
            asm.Store(MemorySize.DW, Register.R10, Record + at, Register.R2);
        }

        void Read(MemorySize size, Register from, int field, int to)
        {
            asm.Mov(Register.R1, Register.R10);
            asm.Add(Register.R1, to);
            asm.Mov(Register.R2, size == MemorySize.DW ? sizeof(long) : sizeof(int));
            asm.Mov(Register.R3, from);
            asm.Add(Register.R3, field);
            asm.Call(HelperId.ProbeReadKernel);
        }
    }
}
