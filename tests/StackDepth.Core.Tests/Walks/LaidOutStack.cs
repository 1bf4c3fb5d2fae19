using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>A stack whose frames a test names one by one: the functions that it is of, from the probed one to the outermost.</summary>
internal static class LaidOutStack
{
    /// <summary>Functions, by where they begin. All of them keep a frame pointer but those that say otherwise; those that count their CFA from a register need it in it.</summary>
    internal const ulong Plain = 0x10;

    internal const ulong SavesBx = 0x400;
    internal const ulong FromBx = 0x800;
    internal const ulong Outermost = 0xc00;
    internal const ulong SignalReturn = 0xd00;
    internal const ulong LosesBx = 0xe00;
    internal const ulong FromR10 = 0xf00;

    internal const ulong Garbage = 0xdead_beef_0000;
    private const ulong FrameBytes = 0x100;

    internal static CodeFile Text { get; } = new(77, 0x80_0001)
    {
        Rows =
        [
            (0, CodeFile.FramePointer), ((uint)SavesBx, Rule(CfaKind.BasePointer, -3)), ((uint)FromBx, Rule(CfaKind.Rbx, -3)), ((uint)Outermost, new(CfaKind.Outermost)),
            ((uint)SignalReturn, new(CfaKind.SignalFrame)), ((uint)LosesBx, Rule(CfaKind.BasePointer, UnwindRule.BxLost)), ((uint)FromR10, Rule(CfaKind.R10, 0)), (0x1000, default),
        ],
        Plain = (0, (uint)SavesBx),
    };

    /// <summary>The CFA of the frame with an index.</summary>
    internal static ulong Cfa(int frame) => WalkCases.Stack + (FrameBytes * (ulong)(frame + 1));

    /// <summary>The slot of that frame's return address.</summary>
    internal static ulong Slot(int frame) => Cfa(frame) - 8;

    internal static (SimulatedProcess Process, Registers Registers) Build(WalkMachine machine, params ReadOnlySpan<ulong> functions)
    {
        var process = machine.NewProcess();
        process.Mappings = [WalkCases.Mapping];
        for (var frame = 0; frame < functions.Length - 1; frame++)
        {
            if (functions[frame] == SignalReturn)
            {
                SignalFrame.Write(process.Memory, Cfa(frame - 1), Known(functions, frame + 1));
                continue;
            }
            process.Memory.Write(Cfa(frame) - 8, WalkCases.Code + functions[frame + 1] + 1);
            process.Memory.Write(Cfa(frame) - 16, Cfa(frame + 1) - 16);
            process.Memory.Write(Cfa(frame) - 24, functions[frame] is SavesBx or FromBx ? Bx(functions, frame + 1) : Garbage);
        }
        return (process, Known(functions, 0));
    }

    /// <summary>Replaces the return addresses of frames as uretprobes do; what the kernel's list has of them, the innermost first.</summary>
    internal static HijackedReturn[] Hijack(SimulatedProcess process, ulong trampoline, params int[] frames)
    {
        var returns = frames.Select(frame => new HijackedReturn(Slot(frame), process.Memory.Word(Slot(frame))!.Value)).ToArray();
        foreach (var (slot, _) in returns)
            process.Memory.Write(slot, trampoline);
        return returns;
    }

    private static Registers Known(ReadOnlySpan<ulong> functions, int frame) => new(
        WalkCases.Code + functions[frame], frame == 0 ? WalkCases.Stack : Cfa(frame - 1), Cfa(frame) - 16, Bx(functions, frame), functions[frame] == FromR10 ? Cfa(frame) - 16 : Garbage, Garbage);

    /// <summary>What is in rbx in a frame: what the next frame outwards needs that counts from it, unless it is saved on the way.</summary>
    private static ulong Bx(ReadOnlySpan<ulong> functions, int frame)
    {
        for (; frame < functions.Length && functions[frame] is not SavesBx; frame++)
        {
            if (functions[frame] == FromBx)
                return Cfa(frame) - 16;
        }
        return Garbage;
    }

    private static UnwindRule Rule(CfaKind cfa, sbyte bx) => new(16, -2, cfa, BasePointerKind.AtCfa, bx);
}
