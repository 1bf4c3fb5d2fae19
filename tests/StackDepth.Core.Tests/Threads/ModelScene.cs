using System.Buffers.Binary;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Core.Tests.Walks;
using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;
using StackDepth.Runtime.Threads;

namespace StackDepth.Core.Tests.Threads;

/// <summary>A simulated process as the walk in user space sees it.</summary>
internal sealed class ModelScene(SimulatedProcess process, IReadOnlyDictionary<UnwindFileKey, CodeFile> files) : StackScene
{
    private readonly ReplacedReturn[] _returns = [.. (process.Hijacked?.Returns ?? []).Take(ThreadProgram.MaxReturns).Select(static entry => new ReplacedReturn(entry.Slot, entry.Real))];

    internal override ulong Trampoline => process.Hijacked?.Address ?? 0;

    internal override ReadOnlySpan<ReplacedReturn> Returns => _returns;

    internal override StackReason FindRule(ulong address, out UnwindRule rule)
    {
        rule = default;
        if (process.Mappings.FirstOrDefault(mapping => mapping.Start <= address && address < mapping.End) is not { IsExecutable: true } mapping)
            return StackReason.UnmappedCode;
        if (!mapping.HasFile && mapping.Start != process.Vdso)
            return StackReason.None;
        var key = mapping.HasFile ? new UnwindFileKey(mapping.Inode, mapping.Device) : UnwindFileKey.Vdso;
        if (!files.TryGetValue(key, out var file) || file.Flags == UnwindFileFlags.None)
            return StackReason.TablePending;
        if (file.Flags == UnwindFileFlags.Unusable)
            return StackReason.TableUnusable;
        rule = file.RuleAt(address - mapping.Start + (mapping.HasFile ? mapping.FileOffset : 0));
        return StackReason.None;
    }

    internal override bool TryReadWord(ulong address, out ulong word)
    {
        word = process.Memory.Word(address) ?? 0;
        return process.Memory.Word(address) is not null;
    }

    internal override bool TryRead(ulong address, Span<byte> bytes)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (var at = 0; at < bytes.Length; at++)
        {
            if (!TryReadWord((address + (ulong)at) & ~7UL, out var value))
                return false;
            BinaryPrimitives.WriteUInt64LittleEndian(word, value);
            bytes[at] = word[(int)((address + (ulong)at) & 7)];
        }
        return true;
    }
}
