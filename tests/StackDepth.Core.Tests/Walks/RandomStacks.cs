using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>
/// Makes up files, mappings and a stack that a walk goes some way up: memory is written as a model of the walk asks for it, a return address where it reads one, and mostly a
/// sensible one.
/// </summary>
internal sealed class RandomStacks(Random random, WalkMachine machine)
{
    private const ulong Stack = 0x7ffd_1000_0000;
    private const int StackPages = 9;
    private const ulong Trampoline = 0x7fff_ffff_e000;
    private static readonly UnwindFileFlags[] _without = [UnwindFileFlags.None, UnwindFileFlags.NoTable, UnwindFileFlags.Unusable];
    private readonly List<SimulatedMapping> _code = [];
    private readonly HashSet<ulong> _written = [];
    private readonly List<HijackedReturn> _hijacked = [];
    private SimulatedProcess _process = null!;
    private ulong _top;

    internal (SimulatedProcess Process, Registers Registers) Next()
    {
        _code.Clear();
        _written.Clear();
        _hijacked.Clear();
        // Somewhere in a slot, and often just before the next one.
        machine.Clear(random.Next(2) == 0 ? (uint)random.Next(3 * 16384) : (uint)(16384 * random.Next(1, 4)) - (uint)random.Next(1, 400));
        _process = machine.NewProcess(random.Next(1, 40));
        _process.Sequence = (uint)random.Next(0, 1000) * 2;
        Map();
        for (var page = 0; page < StackPages; page++)
            random.NextBytes(_process.Memory.Page(Stack + (ulong)(page * UserMemory.PageBytes)));
        _top = Stack + (StackPages * UserMemory.PageBytes);
        var sp = Stack + (ulong)random.Next(0, StackPages * UserMemory.PageBytes / 8) * 8;
        if (random.Next(3) != 0)
            sp = Stack + (ulong)random.Next(0, 200) * 8;
        // A page in the middle that was never touched, and the first thread's stack: its start can be anywhere, a program may set it.
        var hole = random.Next(3) == 0 ? Stack + (ulong)(random.Next(StackPages) * UserMemory.PageBytes) : 0;
        _process.Memory.Unmap(hole);
        _process.StackStart = random.Next(8) switch
        {
            < 3 => 0,
            < 6 => _top,
            6 => Stack + (ulong)random.Next(0, StackPages * UserMemory.PageBytes),
            _ => _top + (ulong)random.Next(1, 1 << 28),
        };
        var start = Registers(sp);
        var hijacks = random.Next(4) == 0;
        machine.Model(
            machine.Scene(_process) with
            {
                Word = MakeUp,
                Signal = Interrupted,
                Trampoline = hijacks ? Trampoline : null,
                RealReturn = RealReturn,
            },
            start);
        if (hijacks && _hijacked.Count > 0)
            _process.Hijack(Trampoline, _hijacked);
        return (_process, start);

        ulong? MakeUp(ulong address, WordUse use)
        {
            if (address - Stack >= _top - Stack || (hole != 0 && address - hole < UserMemory.PageBytes))
                return null;
            if (_written.Add(address))
                _process.Memory.Write(address, use == WordUse.ReturnAddress ? ReturnAddress(hijacks) : Pointer(address));
            return _process.Memory.Word(address);
        }
    }

    private void Map()
    {
        var at = 0x5555_5555_0000UL + ((ulong)random.Next(0, 1 << 20) << 12);
        for (var index = random.Next(1, 6); index > 0; index--)
        {
            var pages = (ulong)random.Next(1, 3);
            var offset = (ulong)random.Next(0, 4) << 12;
            var mapping = new SimulatedMapping(at, at + (pages << 12), offset, (ulong)random.NextInt64(1, long.MaxValue), (uint)random.Next());
            switch (random.Next(20))
            {
                case 0:
                    mapping = mapping with { HasFile = false };
                    break;
                case 1:
                    mapping = mapping with { HasFile = false, FileOffset = 0x1234_0000 };
                    _process.Vdso = mapping.Start;
                    if (random.Next(4) != 0 && !machine.Files.ContainsKey(UnwindFileKey.Vdso))
                        machine.Add(RandomText(new(UnwindFileKey.Vdso.Inode, UnwindFileKey.Vdso.Device), 0, (uint)(pages << 12)));
                    break;
                case 2:
                    mapping = mapping with { IsExecutable = false };
                    break;
                case 3:
                    machine.Add(new(mapping.Inode, mapping.Device, _without[random.Next(_without.Length)]));
                    break;
                case 4:
                    break;
                case 5 when _code.Count > 0 && _code[0].HasFile:
                    // The same file once more.
                    mapping = mapping with { Inode = _code[0].Inode, Device = _code[0].Device };
                    break;
                default:
                    machine.Add(RandomText(new(mapping.Inode, mapping.Device), (uint)offset, (uint)(pages << 12)));
                    break;
            }
            _code.Add(mapping);
            at = mapping.End + ((ulong)(random.Next(2) == 0 ? 0 : random.Next(1, 100)) << 12);
        }
        _process.Mappings = [.. _code];
    }

    private CodeFile RandomText(CodeFile file, uint start, uint length)
    {
        List<(uint Offset, UnwindRule Rule)> rows = [];
        var (from, to) = (start + (uint)random.Next(0, 300), start + length - (uint)random.Next(0, 300));
        var widest = new[] { 2, 8, 40, 400 }[random.Next(4)];
        var plain = random.Next(3) == 0;
        for (var at = from; at < to; at += (uint)random.Next(1, widest))
        {
            rows.Add((at, RandomRule()));
            if (!plain || at <= from + (length / 4))
                continue;
            // A stretch of code that keeps frame pointers, and the rest after it.
            at += (uint)random.Next(1, (int)length / 2);
            rows[^1] = (rows[^1].Offset, CodeFile.FramePointer);
            file = file with { Plain = (rows[^1].Offset, uint.Min(at, to) - rows[^1].Offset) };
            plain = false;
        }
        rows.Add((to, default));
        return file with { Rows = rows };
    }

    private UnwindRule RandomRule()
    {
        var (bp, kind) = random.Next(8) switch
        {
            < 3 => ((short)-2, BasePointerKind.AtCfa),
            3 => ((short)-random.Next(2, 9), BasePointerKind.AtCfa),
            4 => ((short)0, BasePointerKind.AtBasePointer),
            5 when random.Next(3) == 0 => ((short)0, BasePointerKind.Undefined),
            _ => ((short)0, BasePointerKind.Same),
        };
        var bx = random.Next(8) switch
        {
            < 2 => (sbyte)-random.Next(3, 9),
            2 when random.Next(4) == 0 => UnwindRule.BxLost,
            3 when random.Next(8) == 0 => (sbyte)random.Next(sbyte.MinValue, sbyte.MaxValue),
            _ => (sbyte)0,
        };
        return random.Next(100) switch
        {
            < 20 => CodeFile.FramePointer,
            < 35 => new(16, -2, CfaKind.BasePointer, BasePointerKind.AtCfa, bx),
            < 63 => new(random.Next(1, 12) * 8, bp, CfaKind.StackPointer, kind, bx),
            // A large local.
            < 65 => new(random.Next(1, 1200) * 8, bp, CfaKind.StackPointer, kind, bx),
            < 75 => new(random.Next(2, 8) * 8, bp, CfaKind.BasePointer, kind, bx),
            < 79 => new(random.Next(0, 17), 0, CfaKind.ProcedureLinkage, BasePointerKind.Same),
            < 83 => new(-8 * random.Next(0, 4), bp, CfaKind.AtBasePointer, kind, bx),
            < 85 => new(CfaKind.Unsupported),
            < 90 => new(CfaKind.Outermost),
            < 94 => new(CfaKind.SignalFrame),
            < 96 => new(random.Next(1, 12) * 8, bp, CfaKind.Rbx, kind, bx),
            96 => new(random.Next(1, 12) * 8, bp, (CfaKind)random.Next((int)CfaKind.R10, (int)CfaKind.R13 + 1), kind, bx),
            97 => new(random.Next(-64, 64), bp, CfaKind.StackPointer, kind),
            _ => default,
        };
    }

    /// <summary>Makes up the kernel's entry of a slot, and entries around it that are no frame's: of a tail call, which has the same slot, and of calls that a longjmp went past.</summary>
    private ulong? RealReturn(ulong slot)
    {
        if (random.Next(20) == 0)
            return null;
        while (random.Next(3) == 0)
            _hijacked.Add(new(slot - (ulong)(random.Next(1, 50) * 8), CodeAddress()));
        var real = CodeAddress();
        do
            _hijacked.Add(new(slot, real));
        while (random.Next(4) == 0);
        return real;
    }

    private Registers Registers(ulong sp) => new(CodeAddress(), sp, Pointer(sp), Pointer(sp), Pointer(sp), Pointer(sp));

    private Registers? Interrupted(ulong sp)
    {
        if (sp < Stack || sp + 200 > _top || sp % 8 != 0 || random.Next(20) == 0)
            return SignalFrame.Read(_process.Memory, sp);
        // What was read already must stay as it was.
        if (Enumerable.Range(0, 17).All(index => !_written.Contains(sp + 40 + (ulong)(index * 8))))
            SignalFrame.Write(_process.Memory, sp, Registers(random.Next(3) == 0 ? Stack + (ulong)random.Next(0, 64) * 8 : sp + 200 + (ulong)random.Next(0, 10) * 8));
        for (var index = 0UL; index < 17; index++)
            _written.Add(sp + 40 + (index * 8));
        return SignalFrame.Read(_process.Memory, sp);
    }

    private ulong CodeAddress()
    {
        var mapping = _code[random.Next(_code.Count)];
        return mapping.Start + (ulong)random.Next(0, (int)(mapping.End - mapping.Start) + 1);
    }

    private ulong ReturnAddress(bool hijacks) => random.Next(100) switch
    {
        0 => 0,
        1 => (ulong)random.NextInt64(),
        < 12 when hijacks => Trampoline,
        _ => CodeAddress(),
    };

    /// <summary>A pointer into the stack above an address, mostly.</summary>
    private ulong Pointer(ulong above) => random.Next(40) switch
    {
        0 => 0,
        1 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        2 => above + (ulong)random.Next(0, 100),
        3 => above - (ulong)(random.Next(0, 20) * 8),
        4 => ulong.MaxValue - (ulong)random.Next(0, 32),
        _ => above + (ulong)(random.Next(0, 25) * 8),
    };
}
