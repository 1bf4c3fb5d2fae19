using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>What a word that the walk reads is: a test that makes up memory as it is read chooses by it.</summary>
internal enum WordUse
{
    Cfa,
    BasePointer,
    Bx,
    ReturnAddress,
}

internal sealed record Registers(ulong Ip, ulong Sp, ulong Bp, ulong Bx, ulong R10, ulong R13);

/// <summary>What a model of the walk sees of a process.</summary>
internal sealed record WalkScene(IReadOnlyList<SimulatedMapping> Mappings, ulong Vdso, IReadOnlyDictionary<UnwindFileKey, CodeFile> Files)
{
    /// <summary>Answers a word of memory; null where there is none.</summary>
    internal required Func<ulong, WordUse, ulong?> Word { get; init; }

    /// <summary>Answers the registers that the signal frame at a stack pointer holds.</summary>
    internal required Func<ulong, Registers?> Signal { get; init; }

    /// <summary>The address of the uretprobes' trampoline, where one of them is pending.</summary>
    internal ulong? Trampoline { get; init; }

    /// <summary>Answers the real return address of the slot at an address, which is hijacked; null where the kernel knows none.</summary>
    internal Func<ulong, ulong?> RealReturn { get; init; } = static _ => null;
}

/// <summary>The walks as the contract of the tables and the documentation of <see cref="StackWalk"/> and <see cref="StackReason"/> have them: plain, one frame at a time, with no cache.</summary>
internal sealed class WalkModel(WalkScene scene, StackWalk walk, int maxFrames, bool entersAtFunctions)
{
    private const int MostSignals = 16_384;
    private int _frames = 1;
    private int _guesses;
    private int _signals;

    /// <summary>What a walk comes to that needs rbx of every frame, where one cannot be read: few need it.</summary>
    private Walked? _bxUnread;

    private bool _exact = true;
    private Registers _now = new(0, 0, 0, 0, 0, 0);

    /// <summary>The addresses of the frames, the innermost first.</summary>
    internal List<ulong> Frames { get; } = [];

    /// <summary>Whether a frame that has called counts its CFA from rbx.</summary>
    internal bool NeedsBx { get; private set; }

    /// <summary>How many hijacked return addresses were put right.</summary>
    internal int Hijacked { get; private set; }

    internal Walked Walk(Registers start)
    {
        _now = start;
        StackReason? end;
        do
        {
            Frames.Add(_now.Ip);
            end = Step();
        }
        while (end is null);
        return NeedsBx && _bxUnread is { } unread ? unread : Ended(end.Value);
    }

    private Walked Ended(StackReason end)
    {
        if (end == StackReason.None)
            return new(_frames, _guesses == 0 ? StackReason.None : StackReason.FramePointerStep);
        return new(_frames, _guesses == 0 ? end : StackReason.GuessFailed);
    }

    /// <summary>Why the walk ends at this frame, None where it is proved to be the outermost; null where it has a caller, which is the frame now.</summary>
    private StackReason? Step()
    {
        var pc = _exact ? _now.Ip : _now.Ip - 1;
        if (scene.Mappings.FirstOrDefault(m => m.Start <= pc && pc < m.End) is not { IsExecutable: true } mapping)
            return StackReason.UnmappedCode;
        UnwindRule rule = default;
        if (mapping.HasFile || mapping.Start == scene.Vdso)
        {
            var key = mapping.HasFile ? new UnwindFileKey(mapping.Inode, mapping.Device) : UnwindFileKey.Vdso;
            if (!scene.Files.TryGetValue(key, out var file) || file.Flags == UnwindFileFlags.None)
                return StackReason.TablePending;
            if (file.Flags == UnwindFileFlags.Unusable)
                return StackReason.TableUnusable;
            rule = file.RuleAt(pc - mapping.Start + (mapping.HasFile ? mapping.FileOffset : 0));
        }
        if (walk == StackWalk.FramePointer && !_exact && !rule.IsFramePointer && rule.Cfa is not (CfaKind.Outermost or CfaKind.SignalFrame))
            rule = default;
        if (rule.Cfa == CfaKind.Outermost)
            return StackReason.None;
        if (rule.Cfa == CfaKind.SignalFrame)
            return Interrupted();
        if (rule.Cfa == CfaKind.None)
        {
            _guesses++;
            if (entersAtFunctions && _frames == 1)
                rule = new(8, 0, CfaKind.StackPointer, BasePointerKind.Same);
            else if (_now.Bp < _now.Sp)
                return StackReason.NoProof;
            else
                rule = CodeFile.FramePointer;
        }
        return Caller(rule, pc);
    }

    private StackReason? Caller(UnwindRule rule, ulong pc)
    {
        var offset = (ulong)rule.CfaOffset;
        ulong cfa;
        switch (rule.Cfa)
        {
            case CfaKind.StackPointer:
                cfa = _now.Sp + offset;
                break;
            case CfaKind.BasePointer:
                cfa = _now.Bp + offset;
                break;
            case CfaKind.ProcedureLinkage:
                cfa = _now.Sp + ((pc & 15) >= offset ? 16u : 8u);
                break;
            case CfaKind.AtBasePointer:
                if (Read(_now.Bp + offset, WordUse.Cfa, out cfa) is { } lost)
                    return lost;
                break;
            case CfaKind.Rbx:
                NeedsBx |= !_exact;
                cfa = _now.Bx + offset;
                break;
            case CfaKind.R10 when _exact:
                cfa = _now.R10 + offset;
                break;
            case CfaKind.R13 when _exact:
                cfa = _now.R13 + offset;
                break;
            default:
                return StackReason.UnsupportedRule;
        }
        if (cfa <= _now.Sp || cfa % 8 != 0)
            return StackReason.Corrupt;
        if (_frames == maxFrames)
            return StackReason.FrameLimit;
        var bp = _now.Bp;
        StackReason? failed = rule.BasePointer switch
        {
            BasePointerKind.Same => null,
            BasePointerKind.Undefined => Lost(out bp),
            BasePointerKind.AtBasePointer => Read(_now.Bp, WordUse.BasePointer, out bp),
            _ => Read(cfa + (ulong)(rule.BasePointerOffset * 8), WordUse.BasePointer, out bp),
        };
        if (failed is not null)
            return failed;
        var bx = CallersBx(rule.BxOffset, cfa);
        if (Read(cfa - 8, WordUse.ReturnAddress, out var ip) is { } unread)
            return unread;
        if (ip == scene.Trampoline)
        {
            if (scene.RealReturn(cfa - 8) is not { } real)
                return StackReason.ReadFailed;
            ip = real;
            Hijacked++;
        }
        if (ip == 0)
            return StackReason.NoProof;
        _now = _now with { Ip = ip, Sp = cfa, Bp = bp, Bx = bx };
        _exact = false;
        _frames++;
        return null;
    }

    private ulong CallersBx(sbyte offset, ulong cfa)
    {
        if (offset == 0)
            return _now.Bx;
        if (offset == UnwindRule.BxLost)
            return 0;
        if (Read(cfa + (ulong)(offset * 8L), WordUse.Bx, out var bx) is { } failed)
            _bxUnread ??= Ended(failed);
        return bx;
    }

    private StackReason? Interrupted()
    {
        if (_frames == maxFrames)
            return StackReason.FrameLimit;
        if (++_signals > MostSignals)
            return StackReason.SignalLimit;
        if (scene.Signal(_now.Sp) is not { } registers)
            return StackReason.ReadFailed;
        _now = registers;
        _exact = true;
        _frames++;
        return null;
    }

    private static StackReason? Lost(out ulong bp)
    {
        bp = 0;
        return null;
    }

    private StackReason? Read(ulong address, WordUse use, out ulong value)
    {
        value = 0;
        if (address % 8 != 0)
            return StackReason.Corrupt;
        if (scene.Word(address, use) is not { } word)
            return StackReason.ReadFailed;
        value = word;
        return null;
    }
}
