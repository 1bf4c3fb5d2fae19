using System.Buffers.Binary;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime.Threads;

/// <summary>
/// The walk by unwind rows (<see cref="StackWalk.Unwind"/>) in user space, with the same answers as the one that runs in the kernel: docs/semantics.md. It ends: each step leaves the stack pointer higher, but for the signal
/// frames, which are counted, and the number of frames is bounded.
/// </summary>
internal sealed class StackUnwinder(StackScene scene, int maxFrames)
{
    /// <summary>The most signal frames of a stack: their stacks need not ascend, so they could lead in a circle.</summary>
    private const int MostSignals = 16_384;

    // ucontext.uc_mcontext.gregs in the kernel's rt_sigframe, in the order of REG_R8 to REG_RIP (sys/ucontext.h).
    private const int RegistersInSignalFrame = 40;
    private const int RegistersBytes = 17 * sizeof(long);
    private const int SignalR10 = 2 * sizeof(long);
    private const int SignalR13 = 5 * sizeof(long);
    private const int SignalBp = 10 * sizeof(long);
    private const int SignalBx = 11 * sizeof(long);
    private const int SignalSp = 15 * sizeof(long);
    private const int SignalIp = 16 * sizeof(long);

    private static readonly UnwindRule s_framePointer = new(16, -2, CfaKind.BasePointer, BasePointerKind.AtCfa);

    private ulong _ip, _sp, _bp, _bx, _r10, _r13;

    /// <summary>Nothing was called since: <see cref="_ip"/> is the instruction itself and no return address, and r10 and r13 are known.</summary>
    private bool _exact;

    private bool _followsBx;
    private bool _needsBx;
    private int _frames;
    private int _guesses;
    private int _signals;
    private int _return;

    internal WalkResult Walk(in WalkRegisters start)
    {
        var result = Walk(start, followsBx: false);
        // Few stacks go through code that counts its CFA from rbx, so rbx is not followed until one does: then the walk begins anew.
        return _needsBx ? Walk(start, followsBx: true) : result;
    }

    private WalkResult Walk(in WalkRegisters start, bool followsBx)
    {
        (_ip, _sp, _bp, _bx, _r10, _r13) = (start.Ip, start.Sp, start.Bp, start.Bx, start.R10, start.R13);
        (_exact, _followsBx, _needsBx) = (true, followsBx, false);
        (_frames, _guesses, _signals, _return) = (1, 0, 0, 0);
        StackReason? end;
        do
            end = Step();
        while (end is null);
        return new(_frames, _guesses == 0 ? end.Value : end.Value == StackReason.None ? StackReason.FramePointerStep : StackReason.GuessFailed);
    }

    /// <summary>Goes to the caller; or says why the walk ends at this frame, None where it is proved to be the outermost.</summary>
    private StackReason? Step()
    {
        // A return address may be the first of the next function, the call before it is not.
        var pc = _exact ? _ip : _ip - 1;
        if (scene.FindRule(pc, out var rule) is not StackReason.None and var missing)
            return missing;
        switch (rule.Cfa)
        {
            case CfaKind.Outermost:
                return StackReason.None;
            case CfaKind.SignalFrame:
                return CrossSignal();
            case CfaKind.None:
                _guesses++;
                if (_bp < _sp)
                    return StackReason.NoProof;
                rule = s_framePointer;
                break;
        }
        return FindCfa(rule, pc, out var cfa) ?? GoToCaller(rule, cfa);
    }

    private StackReason? FindCfa(UnwindRule rule, ulong pc, out ulong cfa)
    {
        var offset = (ulong)rule.CfaOffset;
        cfa = 0;
        switch (rule.Cfa)
        {
            case CfaKind.StackPointer:
                cfa = _sp + offset;
                return null;
            case CfaKind.BasePointer:
                cfa = _bp + offset;
                return null;
            case CfaKind.ProcedureLinkage:
                cfa = _sp + ((pc & 15) >= offset ? 16u : 8u);
                return null;
            case CfaKind.AtBasePointer:
                return Read(_bp + offset, out cfa);
            case CfaKind.Rbx when _exact || _followsBx:
                cfa = _bx + offset;
                return null;
            case CfaKind.Rbx:
                _needsBx = true;
                return StackReason.UnsupportedRule;
            case CfaKind.R10 when _exact:
                cfa = _r10 + offset;
                return null;
            case CfaKind.R13 when _exact:
                cfa = _r13 + offset;
                return null;
            default:
                return StackReason.UnsupportedRule;
        }
    }

    private StackReason? GoToCaller(UnwindRule rule, ulong cfa)
    {
        if (cfa <= _sp || cfa % sizeof(long) != 0)
            return StackReason.Corrupt;
        if (_frames == maxFrames)
            return StackReason.FrameLimit;
        if (RestoreBasePointer(rule, cfa) is { } lost)
            return lost;
        if (_followsBx && RestoreBx(rule.BxOffset, cfa) is { } unread)
            return unread;
        var slot = cfa - sizeof(long);
        if (Read(slot, out var ip) is { } failed)
            return failed;
        if (ip == scene.Trampoline && ip != 0 && !TryFindReal(slot, out ip))
            return StackReason.ReadFailed;
        if (ip == 0)
            return StackReason.NoProof;
        (_ip, _sp, _exact) = (ip, cfa, false);
        _frames++;
        return null;
    }

    private StackReason? RestoreBasePointer(UnwindRule rule, ulong cfa)
    {
        switch (rule.BasePointer)
        {
            case BasePointerKind.Same:
                return null;
            case BasePointerKind.Undefined:
                _bp = 0;
                return null;
            case BasePointerKind.AtBasePointer:
                return Read(_bp, out _bp);
            default:
                return Read(cfa + (ulong)(rule.BasePointerOffset * sizeof(long)), out _bp);
        }
    }

    private StackReason? RestoreBx(sbyte offset, ulong cfa)
    {
        switch (offset)
        {
            case 0:
                return null;
            case UnwindRule.BxLost:
                _bx = 0;
                return null;
            default:
                return Read(cfa + (ulong)(offset * sizeof(long)), out _bx);
        }
    }

    /// <summary>A frame that the kernel put there for a signal: the interrupted registers lie in it. The interrupted stack can be another one.</summary>
    private StackReason? CrossSignal()
    {
        if (_frames == maxFrames)
            return StackReason.FrameLimit;
        if (++_signals > MostSignals)
            return StackReason.SignalLimit;
        Span<byte> registers = stackalloc byte[RegistersBytes];
        if (!scene.TryRead(_sp + RegistersInSignalFrame, registers))
            return StackReason.ReadFailed;
        _r10 = Register(registers, SignalR10);
        _r13 = Register(registers, SignalR13);
        _bp = Register(registers, SignalBp);
        _bx = Register(registers, SignalBx);
        _sp = Register(registers, SignalSp);
        _ip = Register(registers, SignalIp);
        _exact = true;
        _frames++;
        return null;
    }

    /// <summary>
    /// What lay in a slot before a uretprobe's trampoline took its place. Not each entry of the kernel's list is a frame's (a tail call has the slot of the call before it, and entries that a longjmp went past stay for a
    /// while): the first one of the very slot is taken, and those before it are left behind.
    /// </summary>
    private bool TryFindReal(ulong slot, out ulong address)
    {
        var returns = scene.Returns;
        while (_return < returns.Length)
        {
            var entry = returns[_return++];
            if (entry.Slot == slot)
            {
                address = entry.Address;
                return true;
            }
        }
        address = 0;
        return false;
    }

    private StackReason? Read(ulong address, out ulong word)
    {
        word = 0;
        return address % sizeof(long) != 0 ? StackReason.Corrupt : scene.TryReadWord(address, out word) ? null : StackReason.ReadFailed;
    }

    private static ulong Register(ReadOnlySpan<byte> registers, int at) => BinaryPrimitives.ReadUInt64LittleEndian(registers[at..]);
}
