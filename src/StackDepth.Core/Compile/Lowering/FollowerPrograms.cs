using System.Collections.Immutable;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>A program on a raw tracepoint.</summary>
internal readonly record struct FollowerProgram(string Tracepoint, ProgramSpec Spec);

/// <summary>
/// The programs that keep the <c>followed</c> map: a command waits in it with 0 until its exec, when none of the gate's code runs any more and none of its own has; forks of
/// observed processes are observed from their first instruction; the dead are removed before their id can be used again.
/// </summary>
internal static class FollowerPrograms
{
    /// <summary>Allocated up front, some 80 bytes for each entry; a child that finds no room is counted as missed.</summary>
    internal static MapSpec Map { get; } = new(MapNames.Followed, MapType.Hash, sizeof(int), sizeof(int), 8_192);

    /// <param name="pidOffset">The offset of <c>task_struct.pid</c>.</param>
    /// <param name="tgidOffset">The offset of <c>task_struct.tgid</c>.</param>
    internal static ImmutableArray<FollowerProgram> Build(int pidOffset, int tgidOffset) =>
    [
        new("sched_process_exec", OnExec()),
        new("sched_process_fork", OnFork(tgidOffset)),
        new("sched_process_free", OnFree(pidOffset, tgidOffset)),
    ];

    private static ProgramSpec OnExec()
    {
        var asm = new Assembler { Origin = "exec: the command's own code begins" };
        var exit = asm.CreateLabel("exit");
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        asm.Store(MemorySize.W, Register.R10, -8, Register.R0);
        Lookup(asm, -8, exit);
        asm.Mov(Register.R1, 1);
        asm.Store(MemorySize.W, Register.R0, 0, Register.R1);
        return Finish(asm, exit, "sd_exec");
    }

    private static ProgramSpec OnFork(int tgidOffset)
    {
        var asm = new Assembler { Origin = "fork: children of the observed are observed" };
        var exit = asm.CreateLabel("exit");
        asm.Load(MemorySize.DW, Register.R7, Register.R1, 8);
        asm.Note("the child's task_struct");
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        asm.Mov(Register.R6, Register.R0);
        asm.Store(MemorySize.W, Register.R10, -8, Register.R0);
        Lookup(asm, -8, exit);
        asm.Load(MemorySize.W, Register.R0, Register.R0, 0);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, exit);
        ReadTask(asm, tgidOffset, -16, exit);
        asm.Load(MemorySize.W, Register.R1, Register.R10, -16);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R6, exit);
        asm.Note("a thread, not a process");
        asm.Store(MemorySize.W, Register.R10, -8, 1);
        asm.LoadMap(Register.R1, MapNames.Followed);
        FrameAddress(asm, Register.R2, -16);
        FrameAddress(asm, Register.R3, -8);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.MapUpdateElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, exit);
        // The map is full: what this child does will be missed, and the result must say so.
        asm.Store(MemorySize.W, Register.R10, -8, 0);
        asm.LoadMap(Register.R1, MapNames.Results);
        FrameAddress(asm, Register.R2, -8);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, exit);
        asm.Mov(Register.R1, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R0, ResultLayout.Offset(HealthCounter.Busy), Register.R1);
        return Finish(asm, exit, "sd_fork");
    }

    private static ProgramSpec OnFree(int pidOffset, int tgidOffset)
    {
        var asm = new Assembler { Origin = "free: the last of a process is gone" };
        var exit = asm.CreateLabel("exit");
        asm.Load(MemorySize.DW, Register.R7, Register.R1, 0);
        ReadTask(asm, tgidOffset, -8, exit);
        ReadTask(asm, pidOffset, -16, exit);
        asm.Load(MemorySize.W, Register.R1, Register.R10, -8);
        asm.Load(MemorySize.W, Register.R2, Register.R10, -16);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, exit);
        asm.Note("a thread, not the leader: it goes last");
        asm.LoadMap(Register.R1, MapNames.Followed);
        FrameAddress(asm, Register.R2, -8);
        asm.Call(HelperId.MapDeleteElem);
        return Finish(asm, exit, "sd_free");
    }

    private static void Lookup(Assembler asm, int key, Label exit)
    {
        asm.LoadMap(Register.R1, MapNames.Followed);
        FrameAddress(asm, Register.R2, key);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, exit);
    }

    /// <summary>Reads the int at R7 + <paramref name="offset"/> into the frame.</summary>
    private static void ReadTask(Assembler asm, int offset, int destination, Label exit)
    {
        FrameAddress(asm, Register.R1, destination);
        asm.Mov(Register.R2, sizeof(int));
        asm.Mov(Register.R3, Register.R7);
        asm.Add(Register.R3, offset);
        asm.Call(HelperId.ProbeReadKernel);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, exit);
    }

    private static void FrameAddress(Assembler asm, Register destination, int offset)
    {
        asm.Mov(destination, Register.R10);
        asm.Add(destination, offset);
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
