using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Benchmarks.Ring;

/// <summary>When the producer wakes the consumer.</summary>
internal enum Wakeups
{
    /// <summary>Never: for records that nobody waits for.</summary>
    None,

    /// <summary>When 64 KiB are pending, as the library's programs do.</summary>
    Adaptive,
}

/// <summary>
/// Writes numbered 16-byte records into a ring buffer as fast as a program can: bpf_loop in a raw tracepoint's program, run by BPF_PROG_TEST_RUN, so that no trap limits the
/// rate.
/// </summary>
internal sealed unsafe class RingProducer : IDisposable
{
    internal const int RecordBytes = 16;

    /// <summary>What a record takes in the ring: with its header.</summary>
    internal const int RecordInRing = RecordBytes + 8;

    private const string Ring = "ring";
    private const string Lost = "lost";
    private const int WakeupBytes = 64 << 10;
    private readonly BpfMap _lost;
    private readonly BpfProgram _program;

    internal RingProducer(int ringBytes, Wakeups wakeups)
    {
        Map = BpfMap.Create(new(Ring, MapType.RingBuffer, 0, 0, ringBytes), SystemCalls.Real);
        _lost = BpfMap.Create(new(Lost, MapType.Array, sizeof(int), sizeof(long), 1), SystemCalls.Real);
        var maps = new Dictionary<string, BpfMap>(StringComparer.Ordinal) { [Ring] = Map, [Lost] = _lost };
        _program = BpfProgram.Load(Program(wakeups), maps, SystemCalls.Real);
    }

    internal BpfMap Map { get; }

    /// <summary>How many records found no room so far.</summary>
    internal long LostRecords
    {
        get
        {
            var value = 0L;
            _lost.TryLookup(MemoryMarshal.AsBytes([0]), MemoryMarshal.AsBytes(new Span<long>(ref value)));
            return value;
        }
    }

    /// <summary>Writes <paramref name="count"/> records, numbered from <paramref name="first"/>.</summary>
    internal void Run(int count, ulong first)
    {
        var context = stackalloc ulong[] { (ulong)count, first };
        var attribute = new TestRunAttribute { ProgramFd = (uint)_program.Fd, ContextSize = 2 * sizeof(ulong), Context = (ulong)context };
        var result = KernelCall.Bpf(SystemCalls.Real, BpfCommand.ProgTestRun, ref attribute);
        if (result < 0)
            throw new InvalidOperationException($"BPF_PROG_TEST_RUN failed: {(Errno)(-result)}.");
    }

    /// <summary>Writes the record that ends a consumer's round. Waits for room.</summary>
    internal void End()
    {
        var deadline = Stopwatch.GetTimestamp() + 10 * Stopwatch.Frequency;
        for (var lost = LostRecords; ; lost++)
        {
            Run(1, ulong.MaxValue);
            if (LostRecords == lost)
                return;
            if (Stopwatch.GetTimestamp() > deadline)
                throw new TimeoutException("The ring stayed full for 10 s: nobody reads it.");
            Thread.Sleep(1);
        }
    }

    public void Dispose()
    {
        _program.Dispose();
        _lost.Dispose();
        Map.Dispose();
    }

    private static ProgramSpec Program(Wakeups wakeups)
    {
        var asm = new Assembler { Origin = "write as many records as the context says" };
        var callback = asm.CreateLabel("write one");
        asm.Load(MemorySize.DW, Register.R2, Register.R1, 8);
        asm.Store(MemorySize.DW, Register.R10, -8, Register.R2);
        asm.Load(MemorySize.DW, Register.R1, Register.R1, 0);
        asm.LoadFunction(Register.R2, callback);
        asm.Mov(Register.R3, Register.R10);
        asm.Add(Register.R3, -8);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        asm.BeginFunction(callback, "write_one");
        asm.Origin = "one record: its number, and the number again";
        var reserved = asm.CreateLabel("reserved");
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        asm.Add(Register.R6, Register.R1);
        asm.LoadMap(Register.R1, Ring);
        asm.Mov(Register.R2, RecordBytes);
        asm.Mov(Register.R3, 0);
        asm.Call(HelperId.RingbufReserve);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, reserved);
        asm.LoadMapValue(Register.R1, Lost, 0);
        asm.Mov(Register.R2, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R1, 0, Register.R2);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        asm.Place(reserved);
        asm.Mov(Register.R7, Register.R0);
        asm.Store(MemorySize.DW, Register.R7, 0, Register.R6);
        asm.Store(MemorySize.DW, Register.R7, 8, Register.R6);
        const int noWakeup = 1, forceWakeup = 2;
        if (wakeups == Wakeups.Adaptive)
        {
            var submit = asm.CreateLabel("submit");
            asm.LoadMap(Register.R1, Ring);
            asm.Mov(Register.R2, 0);
            asm.Call(HelperId.RingbufQuery);
            asm.Mov(Register.R2, noWakeup);
            asm.JumpIf(JumpOp.JLT, Register.R0, WakeupBytes, submit);
            asm.Mov(Register.R2, forceWakeup);
            asm.Place(submit);
        }
        else
        {
            asm.Mov(Register.R2, noWakeup);
        }
        asm.Mov(Register.R1, Register.R7);
        asm.Call(HelperId.RingbufSubmit);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        var code = asm.Assemble();
        return new() { Name = "producer", Type = ProgramType.RawTracePoint, Instructions = code.Instructions, Functions = code.Functions };
    }

    /// <summary>BPF_PROG_TEST_RUN.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 80)]
    private struct TestRunAttribute
    {
        [FieldOffset(0)] internal uint ProgramFd;
        [FieldOffset(40)] internal uint ContextSize;
        [FieldOffset(48)] internal ulong Context;
    }
}
