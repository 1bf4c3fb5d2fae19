using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Ir;
using StackDepth.Native.Unwind;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Walks;

/// <summary>The real bytecode of a walk on an interpreted machine, with tables and processes that a test makes up.</summary>
internal sealed class WalkMachine
{
    private readonly StackWalk _walk;
    private readonly bool _entersAtFunctions;
    private ulong _started = 1;
    private long _clock;

    /// <param name="walk">The walk.</param>
    /// <param name="maxFrames">The most frames that it counts.</param>
    /// <param name="entersAtFunctions">Whether the probe is at a function's entry.</param>
    /// <param name="hasSequence">Whether the kernel counts the changes of mappings.</param>
    /// <param name="keep">Whether the hits are kept with their frames, each instead of the one before; else what their walk comes to is a stream.</param>
    internal WalkMachine(StackWalk walk, int maxFrames, bool entersAtFunctions = true, bool hasSequence = true, bool keep = false)
    {
        (_walk, MaxFrames, _entersAtFunctions) = (walk, maxFrames, entersAtFunctions);
        var source = Probe.UProbe("bin", entersAtFunctions ? "f" : "f+4");
        var query = keep ? source.MaxBy(s => s.Timestamp).Query : source.Select(s => (s.UStack.Length, s.UStack.Completeness, s.UStack.Reason)).Query;
        Fields = hasSequence ? GoldenQueries.Fields : GoldenQueries.Fields with { MemorySequence = null };
        Run = new(query, GoldenQueries.Target with { Scope = new ProcessScope.All(), Walk = walk, Fields = Fields, MaxFrames = maxFrames });
        Run.Machine.StepLimit = 50_000_000;
        Tables = new(Run.Machine);
        Tables.Restart(0);
    }

    internal CompiledRun Run { get; }

    internal TableWriter Tables { get; }

    internal Dictionary<UnwindFileKey, CodeFile> Files { get; } = [];

    internal int MaxFrames { get; }

    internal StackDepth.Native.Btf.KernelOffsets Fields { get; }

    /// <summary>How often the last hit's walk was called back.</summary>
    internal long Callbacks { get; private set; }

    internal WalkModel? LastModel { get; private set; }

    internal SimulatedProcess NewProcess(int pid = 1000) => new(Run.Machine.Memory, Fields, pid, _started++);

    internal void Clear(uint word = 0)
    {
        Files.Clear();
        Tables.Restart(word);
    }

    internal void Add(CodeFile file)
    {
        Files.Add(file.Key, file);
        Tables.Add(file);
    }

    /// <summary>What the bytecode makes of a hit in the process.</summary>
    internal Walked Walk(SimulatedProcess process, Registers registers)
    {
        Hit(process, registers);
        var record = Run.Machine.Ring!.Records[^1].Bytes;
        var walked = new Walked(BinaryPrimitives.ReadInt64LittleEndian(record), (StackReason)BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(16)));
        Assert.Equal((long)walked.Completeness, BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8)));
        return walked;
    }

    /// <summary>The frames that the bytecode keeps of a hit in the process, and what it says of them.</summary>
    internal (Walked Walked, FrameTrail Trail) Keep(SimulatedProcess process, Registers registers)
    {
        Hit(process, registers);
        var place = Run.Kept()[""].MaxBy(static kept => BinaryPrimitives.ReadUInt64LittleEndian(kept.AsSpan(KeptLayout.Value)))!;
        Assert.Equal(AggregateLayout.EncodeMaximum(_clock), BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Value)));
        Assert.Equal((long)process.Started, BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Started)));
        return (new(BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.FrameCount)), (StackReason)BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Reason))), FrameTrail.Read(place, Run.Compiled.Kept!.Frames));
    }

    private void Hit(SimulatedProcess process, Registers registers)
    {
        process.SetRegisters(registers.Ip, registers.Sp, registers.Bp, registers.Bx, registers.R10, registers.R13);
        process.Memory.Reads.Clear();
        var before = Run.Machine.LoopCalls;
        Run.Run(new Hit { Pid = process.ProcessId, Process = process, Timestamp = ++_clock });
        Callbacks = Run.Machine.LoopCalls - before;
        Assert.True(Callbacks <= (2 * (MaxFrames + 1)) + 512, $"{Callbacks} callbacks for at most {MaxFrames} frames");
        Run.AssertAtRest();
    }

    /// <summary>What the model makes of it.</summary>
    internal Walked Model(SimulatedProcess process, Registers registers) => Model(Scene(process), registers);

    internal Walked Model(WalkScene scene, Registers registers)
    {
        LastModel = new(scene, _walk, MaxFrames, _entersAtFunctions);
        return LastModel.Walk(registers);
    }

    /// <summary>For one walk: which hijacked returns are behind it belongs to the scene.</summary>
    internal WalkScene Scene(SimulatedProcess process)
    {
        var returns = new Queue<HijackedReturn>(process.Hijacked?.Returns ?? []);
        return new(process.Mappings, process.Vdso, Files)
        {
            Word = (address, _) => process.Memory.Word(address),
            Signal = sp => SignalFrame.Read(process.Memory, sp),
            Trampoline = process.Hijacked?.Address,
            RealReturn = RealReturn,
        };

        ulong? RealReturn(ulong slot)
        {
            // The kernel's list has 64 entries at most.
            for (var tries = 0; tries < 64 && returns.TryDequeue(out var entry); tries++)
            {
                if (entry.Slot == slot)
                    return entry.Real;
            }
            return null;
        }
    }
}

/// <summary>The kernel's rt_sigframe as far as a walk reads it: r8 to rip, from 40 bytes above the stack pointer on.</summary>
internal static class SignalFrame
{
    private const int First = 40;
    private const int R10 = 2;
    private const int R13 = 5;
    private const int Bp = 10;
    private const int Bx = 11;
    private const int Sp = 15;
    private const int Ip = 16;

    internal static Registers? Read(UserMemory memory, ulong sp)
    {
        var words = new ulong[17];
        for (var index = 0; index < words.Length; index++)
        {
            // Not aligned where the stack pointer is not: byte by byte.
            for (var part = 0; part < 8; part++)
            {
                var at = sp + First + (ulong)((index * 8) + part);
                if (memory.Word(at & ~7UL) is not { } word)
                    return null;
                words[index] |= ((word >> ((int)(at & 7) * 8)) & 0xff) << (part * 8);
            }
        }
        return new(words[Ip], words[Sp], words[Bp], words[Bx], words[R10], words[R13]);
    }

    internal static void Write(UserMemory memory, ulong sp, Registers registers)
    {
        foreach (var (index, value) in (ReadOnlySpan<(int, ulong)>)[(R10, registers.R10), (R13, registers.R13), (Bp, registers.Bp), (Bx, registers.Bx), (Sp, registers.Sp), (Ip, registers.Ip)])
            memory.Write(sp + First + (ulong)(index * 8), value);
        for (var index = 0; index < 17; index++)
            memory.Page(sp + First + (ulong)(index * 8));
    }
}
