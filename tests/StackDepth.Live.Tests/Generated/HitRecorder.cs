using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Ring;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Runtime;

namespace StackDepth.Live.Tests.Generated;

/// <summary>Asks the kernel for the user stack of each hit, by programs written for that: what the queries' programs are told as well.</summary>
internal sealed class HitRecorder : IDisposable
{
    internal const int MaxFrames = 127;

    private const string Map = "stacks";
    private const int RingBytes = 1 << 20;
    private const int UserStack = 1 << 8; // BPF_F_USER_STACK

    private readonly KernelMaps _maps;
    private readonly AttachedProbe _probe;
    private readonly RingReader _reader;

    internal HitRecorder(UprobeRequest functions, bool atReturns)
    {
        _maps = KernelMaps.Create([new(Map, MapType.RingBuffer, 0, 0, RingBytes)], SystemCalls.Real);
        _probe = UprobeAttacher.Attach(
            Program(), _maps.ByName, functions with { IsReturn = atReturns }, KernelProfile.Detect(SystemCalls.Real), SystemCalls.Real);
        _reader = new(RingMemory.Map(_maps[Map].Fd, RingBytes, SystemCalls.Real));
    }

    /// <summary>The frames of the hits since the last call, the innermost first.</summary>
    internal List<ulong[]> Take()
    {
        var sink = new Sink([]);
        _reader.Drain(ref sink);
        return sink.Stacks;
    }

    public void Dispose()
    {
        _reader.Dispose();
        _probe.Dispose();
        _maps.Dispose();
    }

    private static ProgramSpec Program()
    {
        const int bytes = (1 + MaxFrames) * sizeof(long);
        var asm = new Assembler();
        var full = asm.CreateLabel("full");
        asm.Mov(Register.R6, Register.R1);
        asm.LoadMap(Register.R1, Map);
        asm.Mov(Register.R2, bytes);
        asm.Mov(Register.R3, 0);
        asm.Call(HelperId.RingbufReserve);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, full);
        asm.Mov(Register.R7, Register.R0);
        asm.Mov(Register.R1, Register.R6);
        asm.Mov(Register.R2, Register.R7);
        asm.Add(Register.R2, sizeof(long));
        asm.Mov(Register.R3, bytes - sizeof(long));
        asm.Mov(Register.R4, UserStack);
        asm.Call(HelperId.GetStack);
        asm.Store(MemorySize.DW, Register.R7, 0, Register.R0);
        asm.Mov(Register.R1, Register.R7);
        asm.Mov(Register.R2, 0);
        asm.Call(HelperId.RingbufSubmit);
        asm.Place(full);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        return new() { Name = "recorder", Type = ProgramType.Kprobe, Instructions = asm.Assemble().Instructions };
    }

    private readonly struct Sink(List<ulong[]> stacks) : IRecordSink
    {
        internal List<ulong[]> Stacks => stacks;

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(record);
            stacks.Add(words.Slice(1, checked((int)words[0] / sizeof(ulong))).ToArray());
        }
    }
}
