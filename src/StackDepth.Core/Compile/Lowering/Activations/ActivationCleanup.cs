using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>The program that gives back what is kept of a thread's activations when the thread exits.</summary>
internal static class ActivationCleanup
{
    internal const string Tracepoint = "sched_process_exit";

    private const int MostRounds = 1 << 23; // BPF_MAX_LOOPS

    // What the loop works on, in the program's frame: the key of the record that is at hand, how many chunks of it are left, and one more than the site of the next record.
    private const int State = -16;
    private const int ChunksLeft = 8;
    private const int NextSite = 12;

    internal static ProgramSpec Build(bool manySites)
    {
        var asm = new Assembler { Origin = "exit: what is kept of a thread" };
        var exit = asm.CreateLabel("exit");
        var step = asm.CreateLabel("give back one thing");
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Store(MemorySize.W, Register.R10, State + Key.Thread, Register.R0);
        asm.Store(MemorySize.W, Register.R10, State + Key.Site, manySites ? Head : 0);
        Address(asm, Register.R2);
        Lookup(asm, exit);
        asm.Load(MemorySize.W, Register.R1, Register.R0, Record.ChunksMade);
        asm.Store(MemorySize.W, Register.R10, State + ChunksLeft, Register.R1);
        asm.Load(MemorySize.W, Register.R1, Register.R0, Record.NextSite);
        asm.Store(MemorySize.W, Register.R10, State + NextSite, Register.R1);
        asm.Mov(Register.R1, MostRounds);
        asm.LoadFunction(Register.R2, step);
        Address(asm, Register.R3);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        asm.Place(exit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        PlaceStep(asm, step);
        var code = asm.Assemble();
        return new() { Name = "sd_activations", Type = ProgramType.RawTracePoint, Instructions = code.Instructions, Functions = code.Functions };
    }

    /// <summary>Deletes the last chunk that is left, or the record itself and turns to the thread's next one.</summary>
    private static void PlaceStep(Assembler asm, Label step)
    {
        const int ChunkAt = -16;
        var record = asm.CreateLabel("no chunk is left");
        var over = asm.CreateLabel("no record is left");
        asm.BeginFunction(step, "give_back");
        asm.Mov(Register.R6, Register.R2);
        asm.Load(MemorySize.W, Register.R1, Register.R6, ChunksLeft);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, record);
        asm.Sub(Register.R1, 1);
        asm.Store(MemorySize.W, Register.R6, ChunksLeft, Register.R1);
        asm.Store(MemorySize.W, Register.R10, ChunkAt + ChunkKey.Number, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R6, 0);
        asm.Store(MemorySize.DW, Register.R10, ChunkAt, Register.R1);
        asm.LoadMap(Register.R1, MapNames.ActivationChunks);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, ChunkAt);
        asm.Call(HelperId.MapDeleteElem);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        asm.Place(record);
        asm.LoadMap(Register.R1, MapNames.Activations);
        asm.Mov(Register.R2, Register.R6);
        asm.Call(HelperId.MapDeleteElem);
        asm.Load(MemorySize.W, Register.R1, Register.R6, NextSite);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, over);
        asm.Sub(Register.R1, 1);
        asm.Store(MemorySize.W, Register.R6, Key.Site, Register.R1);
        asm.Mov(Register.R2, Register.R6);
        Lookup(asm, over);
        asm.Load(MemorySize.W, Register.R1, Register.R0, Record.ChunksMade);
        asm.Store(MemorySize.W, Register.R6, ChunksLeft, Register.R1);
        asm.Load(MemorySize.W, Register.R1, Register.R0, Record.NextSite);
        asm.Store(MemorySize.W, Register.R6, NextSite, Register.R1);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        asm.Place(over);
        asm.Mov(Register.R0, 1);
        asm.Exit();
    }

    private static void Address(Assembler asm, Register destination)
    {
        asm.Mov(destination, Register.R10);
        asm.Add(destination, State);
    }

    /// <summary>R0 = the record of the key at R2.</summary>
    private static void Lookup(Assembler asm, Label absent)
    {
        asm.LoadMap(Register.R1, MapNames.Activations);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
    }
}
