using System.Collections.Immutable;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>A program on a raw tracepoint.</summary>
internal readonly record struct FollowerProgram(string Tracepoint, ProgramSpec Spec);

/// <summary>Where the kernel at hand keeps the fields that the programs read.</summary>
/// <param name="Tgid">The offset of <c>task_struct.tgid</c>.</param>
/// <param name="Signal">The offset of <c>task_struct.signal</c>.</param>
/// <param name="Live">The offset of <c>signal_struct.live</c>, the number of threads that have not come to their exit.</param>
internal readonly record struct TaskOffsets(int Tgid, int Signal, int Live);

/// <summary>
/// The programs that keep the set of followed processes. A command is named as waiting and joins at its exec, when none of the gate's code runs any more and none of its own
/// has; forks of followed processes are followed from their first instruction; a process leaves when the last of its threads exits. Not later: once its parent has reaped it, its
/// id can be another's, while the kernel still holds on to the dead one.
/// </summary>
internal static class FollowerPrograms
{
    /// <param name="readable">Whether the set is to be read from outside the kernel too; that takes Linux 5.5.</param>
    internal static ImmutableArray<MapSpec> Maps(bool readable) =>
        [PidSet.Map with { Flags = readable ? MapFlags.MemoryMappable : MapFlags.None }, new(MapNames.Waiting, MapType.Array, sizeof(int), sizeof(int), 1)];

    internal static ImmutableArray<FollowerProgram> Build(TaskOffsets offsets) =>
    [
        new("sched_process_exec", OnExec()),
        new("sched_process_fork", OnFork(offsets.Tgid)),
        new("sched_process_exit", OnExit(offsets)),
    ];

    private static ProgramSpec OnExec()
    {
        var asm = new Assembler { Origin = "exec: the command's own code begins" };
        var exit = asm.CreateLabel("exit");
        CurrentProcess(asm, Register.R6);
        asm.LoadMapValue(Register.R3, MapNames.Waiting, 0);
        asm.Load(MemorySize.W, Register.R1, Register.R3, 0);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R6, exit);
        asm.Store(MemorySize.W, Register.R3, 0, 0);
        PidSet.Add(asm, Register.R6, exit);
        return Finish(asm, exit, "sd_exec");
    }

    private static ProgramSpec OnFork(int tgidOffset)
    {
        var asm = new Assembler { Origin = "fork: children of the followed are followed" };
        var exit = asm.CreateLabel("exit");
        asm.Load(MemorySize.DW, Register.R7, Register.R1, 8);
        asm.Note("the child's task_struct");
        CurrentProcess(asm, Register.R6);
        PidSet.Test(asm, Register.R6, exit);
        // A new thread has its process's id, which is in the set already.
        Read(asm, MemorySize.W, tgidOffset, -8, exit);
        asm.Load(MemorySize.W, Register.R6, Register.R10, -8);
        PidSet.Add(asm, Register.R6, exit);
        return Finish(asm, exit, "sd_fork");
    }

    private static ProgramSpec OnExit(TaskOffsets offsets)
    {
        var asm = new Assembler { Origin = "exit: the last thread of a process" };
        var exit = asm.CreateLabel("exit");
        asm.Load(MemorySize.DW, Register.R7, Register.R1, 0);
        asm.Note("the exiting task_struct, which is the current one");
        Read(asm, MemorySize.DW, offsets.Signal, -8, exit);
        asm.Load(MemorySize.DW, Register.R7, Register.R10, -8);
        Read(asm, MemorySize.W, offsets.Live, -8, exit);
        asm.Load(MemorySize.W, Register.R1, Register.R10, -8);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, exit);
        asm.Note("threads are left that have not come to their exit");
        CurrentProcess(asm, Register.R6);
        PidSet.Remove(asm, Register.R6, exit);
        return Finish(asm, exit, "sd_exit");
    }

    private static void CurrentProcess(Assembler asm, Register destination)
    {
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        asm.Mov(destination, Register.R0);
    }

    /// <summary>Reads what is at R7 + <paramref name="offset"/> into the frame.</summary>
    private static void Read(Assembler asm, MemorySize size, int offset, int destination, Label exit)
    {
        asm.Mov(Register.R1, Register.R10);
        asm.Add(Register.R1, destination);
        asm.Mov(Register.R2, size == MemorySize.DW ? sizeof(long) : sizeof(int));
        asm.Mov(Register.R3, Register.R7);
        asm.Add(Register.R3, offset);
        asm.Call(HelperId.ProbeReadKernel);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, exit);
    }

    private static ProgramSpec Finish(Assembler asm, Label exit, string name)
    {
        asm.Place(exit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        var code = asm.Assemble();
        return new() { Name = name, Type = ProgramType.RawTracePoint, Instructions = code.Instructions, Functions = code.Functions };
    }
}
