using System.Collections.Immutable;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Threads;

/// <summary>
/// The program that the kernel runs for each thread (<c>iter/task</c>): writes a <see cref="ThreadRecord"/> with the top of the thread's stack. A thread that does not run has all its registers
/// of user code on its kernel stack; whether it ran while the program looked, the counts of its context switches tell, which are read before and after.
/// </summary>
internal static partial class ThreadProgram
{
    internal const string Scratch = "thread_scratch";
    internal const string Mode = "thread_mode";

    /// <summary>Values of the map <see cref="Mode"/>: the whole record, or only what tells whether the thread ran.</summary>
    internal const uint Whole = 0;

    internal const uint Check = 1;

    /// <summary>The most bytes of a stack that come with a record: nearly all threads that wait need less. Of what lies beyond, user space reads what it needs.</summary>
    internal const int MaxStackBytes = 8192;

    /// <summary>The kernel replaces no more return addresses at a time (MAX_URETPROBE_DEPTH, include/linux/uprobes.h).</summary>
    internal const int MaxReturns = 64;

    /// <summary>PERF_MAX_STACK_DEPTH; kernel.perf_event_max_stack can make it fewer, and more are not asked for.</summary>
    internal const int MaxKernelFrames = 127;

    private const int ReturnsAt = ThreadRecord.Length + MaxStackBytes;
    private const int KernelFramesAt = ReturnsAt + (MaxReturns * 16);
    private const int ScratchBytes = KernelFramesAt + (MaxKernelFrames * sizeof(long)) + sizeof(long);
    private const int Busy = -16; // -EBUSY

    // Slots of the BPF stack.
    private const int Word = -8;
    private const int Sequence = -16;
    private const int Context = -24;

    internal static ImmutableArray<MapSpec> Maps { get; } =
        [new(Scratch, MapType.Array, sizeof(uint), ScratchBytes, 1), new(Mode, MapType.Array, sizeof(uint), sizeof(uint), 1)];

    internal static ProgramSpec Build(KernelOffsets kernel, ThreadOffsets threads)
    {
        var asm = new Assembler { Origin = "a thread" };
        var exit = asm.CreateLabel("exit");
        var mapping = asm.CreateLabel("mapping");
        var recheck = asm.CreateLabel("recheck");
        var light = asm.CreateLabel("light");
        // R6 = the task, R7 = the record. R9 = the bytes of stack that follow it.
        asm.Load(MemorySize.DW, Register.R6, Register.R1, 8);
        asm.JumpIf(JumpOp.JEQ, Register.R6, 0, exit);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, 0);
        asm.Load(MemorySize.DW, Register.R2, Register.R2, 0);
        asm.Store(MemorySize.DW, Register.R10, Sequence, Register.R2);
        asm.LoadMapValue(Register.R7, Scratch, 0);
        for (var at = 0; at < ThreadRecord.CommAt; at += sizeof(long))
            asm.Store(MemorySize.DW, Register.R7, at, 0);
        Identify(asm, kernel, threads, exit);

        asm.Origin = "what tells whether it ran";
        CopyField(asm, MemorySize.W, threads.TaskFlags, 12);
        Count(asm, threads, Register.R1);
        asm.Store(MemorySize.DW, Register.R7, 32, Register.R1);
        NoteIfOnCpu(asm, threads);
        ReadMemory(asm, kernel);

        asm.Mov(Register.R9, 0);
        asm.LoadMapValue(Register.R1, Mode, 0);
        asm.Load(MemorySize.W, Register.R1, Register.R1, 0);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)Check, recheck);
        asm.Load(MemorySize.W, Register.R1, Register.R7, 16);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, recheck);
        asm.Note("it runs on a CPU just now");
        ReadKernelStack(asm);
        asm.Load(MemorySize.W, Register.R1, Register.R7, 12);
        asm.JumpIf(JumpOp.JSET, Register.R1, (int)(TaskFlag.KernelThread | TaskFlag.IoWorker | TaskFlag.UserWorker | TaskFlag.Exiting), recheck);
        asm.Load(MemorySize.DW, Register.R1, Register.R7, 40);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, recheck);
        ReadRegisters(asm, threads);
        ReadReturns(asm, kernel);
        ReadStack(asm, mapping, light);

        asm.Place(light);
        asm.Place(recheck);
        asm.Origin = "did it run meanwhile?";
        // A thread that came and went has counted a switch before it is off its CPU (kernel/sched/core.c, __schedule and finish_task): first the CPU, then the count.
        NoteIfOnCpu(asm, threads);
        var still = asm.CreateLabel("still");
        Count(asm, threads, Register.R1);
        asm.Load(MemorySize.DW, Register.R2, Register.R7, 32);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, still);
        AddState(asm, SampleState.Ran);
        asm.Place(still);
        Write(asm);
        asm.Place(exit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        PlaceMapping(asm, kernel, mapping);
        var code = asm.Assemble();
        return new()
        {
            Name = "sd_threads",
            Type = ProgramType.Tracing,
            ExpectedAttachType = AttachType.TraceIter,
            AttachFunction = threads.TaskIterator,
            IsSleepable = true,
            Instructions = code.Instructions,
            Functions = code.Functions,
        };
    }

    /// <summary>Ids as the pid namespace of the reading process has them: the iterator visits the threads of that namespace. Fields of the kernel's structs are read by helper where they are pointers: the verifier takes most of a millisecond for each that it is to know the type of.</summary>
    private static void Identify(Assembler asm, KernelOffsets kernel, ThreadOffsets threads, Label exit)
    {
        asm.Origin = "its ids";
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Mov(Register.R8, Register.R0);
        var other = asm.CreateLabel("another thread");
        asm.JumpIf(JumpOp.JNE, Register.R8, Register.R6, other);
        asm.Store(MemorySize.W, Register.R7, 16, (int)SampleState.Self);
        asm.Place(other);
        Read(asm, MemorySize.DW, Register.R8, threads.TaskPid);
        asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
        Read(asm, MemorySize.W, Register.R8, threads.PidLevel);
        asm.Load(MemorySize.W, Register.R9, Register.R10, Word);
        asm.Lsh(Register.R9, 4);
        asm.Note("a number and its namespace are 16 bytes");
        Read(asm, MemorySize.DW, Register.R6, threads.TaskPid);
        Number(8);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, exit);
        asm.Note("the kernel has taken its id away: it is gone");
        Read(asm, MemorySize.DW, Register.R6, kernel.TaskLeader);
        asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
        Read(asm, MemorySize.DW, Register.R8, threads.TaskPid);
        Number(4);
        CopyField(asm, MemorySize.DW, kernel.TaskStarted, 24);
        CopyField(asm, MemorySize.DW, kernel.TaskExecId, 48);
        asm.Mov(Register.R1, Register.R7);
        asm.Add(Register.R1, ThreadRecord.CommAt);
        asm.Mov(Register.R2, ThreadRecord.CommBytes);
        asm.Mov(Register.R3, Register.R6);
        asm.Add(Register.R3, threads.TaskComm);
        asm.Call(HelperId.ProbeReadKernel);

        void Number(int field)
        {
            asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
            asm.Add(Register.R8, Register.R9);
            Read(asm, MemorySize.W, Register.R8, threads.PidNumbers);
            asm.Load(MemorySize.W, Register.R1, Register.R10, Word);
            asm.Store(MemorySize.W, Register.R7, field, Register.R1);
        }
    }

    private static void ReadMemory(Assembler asm, KernelOffsets kernel)
    {
        asm.Origin = "its process's memory";
        var none = asm.CreateLabel("no memory");
        Read(asm, MemorySize.DW, Register.R6, kernel.TaskMemory);
        asm.Load(MemorySize.DW, Register.R8, Register.R10, Word);
        asm.Store(MemorySize.DW, Register.R7, 40, Register.R8);
        asm.JumpIf(JumpOp.JEQ, Register.R8, 0, none);
        if (kernel.MemorySequence is { } sequence)
        {
            Read(asm, MemorySize.W, Register.R8, sequence);
            asm.Load(MemorySize.W, Register.R1, Register.R10, Word);
            asm.Store(MemorySize.W, Register.R7, 20, Register.R1);
        }
        Read(asm, MemorySize.DW, Register.R8, kernel.MemoryVdso);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Word);
        asm.Store(MemorySize.DW, Register.R7, 96, Register.R1);
        asm.Place(none);
    }

    private static void ReadKernelStack(Assembler asm)
    {
        asm.Origin = "its kernel stack";
        asm.Mov(Register.R1, Register.R6);
        asm.Mov(Register.R2, Register.R7);
        asm.Add(Register.R2, KernelFramesAt);
        asm.Mov(Register.R3, MaxKernelFrames * sizeof(long));
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.GetTaskStack);
        asm.Store(MemorySize.DW, Register.R7, 56, Register.R0);
    }

    private static void ReadRegisters(Assembler asm, ThreadOffsets threads)
    {
        asm.Origin = "its registers in user code";
        asm.Mov(Register.R1, Register.R6);
        asm.Call(HelperId.TaskPtRegs);
        asm.Mov(Register.R3, Register.R0);
        asm.Mov(Register.R1, Register.R7);
        asm.Add(Register.R1, ThreadRecord.RegistersAt);
        asm.Mov(Register.R2, ThreadRecord.RegistersBytes);
        asm.Call(HelperId.ProbeReadKernel);
        AddState(asm, SampleState.HasUser);
        CopyField(asm, MemorySize.DW, threads.TaskAlternateStack, 80);
        CopyField(asm, MemorySize.DW, threads.TaskAlternateSize, 88);
    }

    private static void Write(Assembler asm)
    {
        asm.Origin = "the record";
        var done = asm.CreateLabel("written");
        asm.Store(MemorySize.W, Register.R7, 116, Register.R9);
        asm.Add(Register.R9, ThreadRecord.Length);
        asm.Load(MemorySize.W, Register.R8, Register.R7, 112);
        asm.JumpIf(JumpOp.JGT, Register.R8, MaxReturns, done);
        asm.Lsh(Register.R8, 4);
        asm.Mov(Register.R1, Register.R9);
        asm.Add(Register.R1, Register.R8);
        asm.Store(MemorySize.W, Register.R7, 0, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Sequence);
        asm.Mov(Register.R2, Register.R7);
        asm.Mov(Register.R3, Register.R9);
        asm.Call(HelperId.SeqWrite);
        asm.JumpIf(JumpOp.JEQ, Register.R8, 0, done);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, Sequence);
        asm.Mov(Register.R2, Register.R7);
        asm.Add(Register.R2, ReturnsAt);
        asm.Mov(Register.R3, Register.R8);
        asm.Call(HelperId.SeqWrite);
        asm.Place(done);
    }

    private static void Count(Assembler asm, ThreadOffsets threads, Register destination)
    {
        asm.Load(MemorySize.DW, destination, Register.R6, threads.TaskVoluntarySwitches);
        asm.Load(MemorySize.DW, Register.R2, Register.R6, threads.TaskInvoluntarySwitches);
        asm.Add(destination, Register.R2);
    }

    private static void NoteIfOnCpu(Assembler asm, ThreadOffsets threads)
    {
        var off = asm.CreateLabel("off CPU");
        // 0 or 1, of four bytes; newer kernels give it one (seen on 7.3).
        asm.Load(MemorySize.B, Register.R1, Register.R6, threads.TaskOnCpu);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, off);
        AddState(asm, SampleState.Ran);
        asm.Place(off);
    }

    private static void AddState(Assembler asm, SampleState state)
    {
        asm.Load(MemorySize.W, Register.R1, Register.R7, 16);
        asm.Or(Register.R1, (int)state);
        asm.Store(MemorySize.W, Register.R7, 16, Register.R1);
    }

    private static void CopyField(Assembler asm, MemorySize size, int field, int at)
    {
        asm.Load(size, Register.R1, Register.R6, field);
        asm.Store(size, Register.R7, at, Register.R1);
    }

    /// <summary>Reads a field into the slot <see cref="Word"/>; 0 where there is nothing to read.</summary>
    private static void Read(Assembler asm, MemorySize size, Register from, int field)
    {
        asm.Mov(Register.R1, Register.R10);
        asm.Add(Register.R1, Word);
        asm.Mov(Register.R2, size == MemorySize.DW ? sizeof(long) : sizeof(int));
        asm.Mov(Register.R3, from);
        asm.Add(Register.R3, field);
        asm.Call(HelperId.ProbeReadKernel);
    }
}
