using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>Small processes that are laid out by hand.</summary>
internal static class WalkCases
{
    internal const ulong Code = 0x40_0000;
    internal const ulong Stack = 0x7ffd_1000_0000;

    /// <summary>At these offsets of <see cref="Text"/>: code that keeps frame pointers, code that does not, and the outermost function.</summary>
    internal const ulong Plain = 0x10;

    internal const ulong Frameless = 0x800;
    internal const ulong Outermost = 0xc00;
    internal const ulong SignalReturn = 0xd00;

    internal static SimulatedMapping Mapping { get; } = new(Code, Code + 0x1000, 0, 77, 0x80_0001);

    /// <summary>The code; the frameless part has the rule kind that is named.</summary>
    internal static CodeFile Text(bool plain, CfaKind frameless = CfaKind.StackPointer, ulong inode = 77) => new(inode, 0x80_0001)
    {
        Rows =
        [
            (0, CodeFile.FramePointer), ((uint)Frameless, new(frameless == CfaKind.StackPointer ? 8 : 0, 0, frameless, BasePointerKind.Same)), ((uint)Outermost, new(CfaKind.Outermost)),
            ((uint)SignalReturn, new(CfaKind.SignalFrame)), (0x1000, default),
        ],
        Plain = plain ? (0u, (uint)Frameless) : default,
    };

    /// <summary>A process whose stack, from <paramref name="sp"/> on, is a chain of <paramref name="frames"/> frame pointers, and then the outermost function.</summary>
    internal static (SimulatedProcess Process, Registers Registers) Chain(WalkMachine machine, int frames, ulong sp = Stack, int pid = 1000)
    {
        var process = machine.NewProcess(pid);
        process.Mappings = [Mapping];
        for (var frame = 0; frame < frames - 1; frame++)
        {
            var at = sp + (ulong)(frame * 16);
            process.Memory.Write(at, at + 16);
            process.Memory.Write(at + 8, Code + (frame == frames - 2 ? Outermost : Plain) + 1);
        }
        return (process, new(Code + (frames == 1 ? Outermost : Plain), sp, sp, 0, 0, 0));
    }
}
