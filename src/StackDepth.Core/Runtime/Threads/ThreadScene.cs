using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime.Threads;

/// <summary>A thread, as it was when it was looked at, with its process's code.</summary>
internal sealed class ThreadScene(ThreadSample sample, ProcessCode code, FileTables tables, ThreadMemory memory) : StackScene
{
    internal override ulong Trampoline => sample.Record.Trampoline;

    internal override ReadOnlySpan<ReplacedReturn> Returns => sample.Returns;

    internal override StackReason FindRule(ulong address, out UnwindRule rule) =>
        code.FindRule(address, sample.Record.Vdso, sample.Record.ThreadId, tables, out rule);

    internal override bool TryRead(ulong address, Span<byte> bytes) => memory.TryRead(address, bytes);

    internal override bool TryReadWord(ulong address, out ulong word) => memory.TryReadWord(address, out word);
}
