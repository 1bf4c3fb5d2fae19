using System.Runtime.InteropServices;

namespace StackDepth.Native.Python;

/// <summary>
/// Where the fields of a CPython's structures are that lead to a thread's frames: offsets in bytes, as the program in the kernel gets them. Structures are read in one piece each;
/// offsets of an interpreter's and of a frame's fields count from where that piece begins.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PythonLayout
{
    /// <summary>Bytes of the layout in a map's value.</summary>
    internal const int Size = 96;

    /// <summary>The most bytes of a structure that are read: fields lie within.</summary>
    internal const int MostBytes = 256;

    /// <summary>In the runtime: the newest interpreter.</summary>
    public required uint InterpretersHead { get; init; }

    /// <summary>In the runtime: the thread state that holds the one GIL (up to 3.11); 0 where there is no such field.</summary>
    public uint CurrentState { get; init; }

    /// <summary>Where in an interpreter the reading begins, and how much it takes.</summary>
    public required uint InterpreterStart { get; init; }

    public required uint InterpreterBytes { get; init; }

    public required uint InterpreterNext { get; init; }

    public required uint InterpreterThreads { get; init; }

    public required uint StateBytes { get; init; }

    public required uint StatePrevious { get; init; }

    public required uint StateNext { get; init; }

    public required uint StateInterpreter { get; init; }

    /// <summary>The thread's <c>pthread_self()</c>.</summary>
    public required uint StateThreadId { get; init; }

    /// <summary>The thread's id in its pid namespace (since 3.11); 0 where there is no such field.</summary>
    public uint StateNativeId { get; init; }

    /// <summary>Flags, of which bit 4 says that the state is its thread's current one (since 3.12); 0 where there is no such field.</summary>
    public uint StateStatus { get; init; }

    /// <summary>The innermost frame, or the C frame that has it.</summary>
    public required uint StateFrame { get; init; }

    /// <summary>In the C frame: the innermost frame, plus 1; 0 where the thread state itself has it.</summary>
    public uint CFrameFrame { get; init; }

    /// <summary>Where in a frame the reading begins, and how much it takes.</summary>
    public required uint FrameStart { get; init; }

    public required uint FrameBytes { get; init; }

    public required uint FramePrevious { get; init; }

    /// <summary>The frame's code object, its next or last instruction and who owns it; of use where <see cref="CodeFirstTraceable"/> is not 0.</summary>
    public uint FrameCode { get; init; }

    public uint FrameInstruction { get; init; }

    public uint FrameOwner { get; init; }

    /// <summary>In a code object: the number of the instruction before which a frame is incomplete, and no part of the stack that Python shows (since 3.11); 0 where every frame counts.</summary>
    public uint CodeFirstTraceable { get; init; }

    /// <summary>In a code object: its first instruction.</summary>
    public uint CodeBytecode { get; init; }

    private readonly uint _pad;

    /// <summary>Whether all that the program reads lies within what it reads, so that it may be used whatever it means.</summary>
    internal bool IsSane =>
        InterpretersHead is > 0 and < 1 << 20 && CurrentState < 1 << 20 && InterpreterStart < 1 << 24 && InterpreterBytes is >= 8 and <= MostBytes
        && Fits(InterpreterNext, InterpreterBytes) && Fits(InterpreterThreads, InterpreterBytes) && StateBytes is >= 8 and <= MostBytes
        && Fits(StatePrevious, StateBytes) && Fits(StateNext, StateBytes) && Fits(StateInterpreter, StateBytes) && Fits(StateThreadId, StateBytes) && Fits(StateNativeId, StateBytes)
        && StateStatus % 4 == 0 && StateStatus + 4 <= StateBytes && Fits(StateFrame, StateBytes) && CFrameFrame is <= 65 && (CFrameFrame == 0 || (CFrameFrame - 1) % 8 == 0)
        && FrameStart < 1 << 12 && FrameBytes is >= 8 and <= MostBytes && Fits(FramePrevious, FrameBytes)
        && (CodeFirstTraceable == 0
            || (Fits(FrameCode, FrameBytes) && Fits(FrameInstruction, FrameBytes) && FrameOwner < FrameBytes && CodeFirstTraceable % 4 == 0 && CodeFirstTraceable < 1 << 12 && CodeBytecode < 1 << 12));

    private static bool Fits(uint offset, uint bytes) => offset % 8 == 0 && offset + 8 <= bytes;

    /// <summary>Where the fields are in a map's value.</summary>
    internal static class At
    {
        internal const int InterpretersHead = 0;
        internal const int CurrentState = 4;
        internal const int InterpreterStart = 8;
        internal const int InterpreterBytes = 12;
        internal const int InterpreterNext = 16;
        internal const int InterpreterThreads = 20;
        internal const int StateBytes = 24;
        internal const int StatePrevious = 28;
        internal const int StateNext = 32;
        internal const int StateInterpreter = 36;
        internal const int StateThreadId = 40;
        internal const int StateNativeId = 44;
        internal const int StateStatus = 48;
        internal const int StateFrame = 52;
        internal const int CFrameFrame = 56;
        internal const int FrameStart = 60;
        internal const int FrameBytes = 64;
        internal const int FramePrevious = 68;
        internal const int FrameCode = 72;
        internal const int FrameInstruction = 76;
        internal const int FrameOwner = 80;
        internal const int CodeFirstTraceable = 84;
        internal const int CodeBytecode = 88;
    }
}
