namespace StackDepth.Native.Python;

/// <summary>
/// The layouts of the versions that do not describe themselves: those of 64-bit builds for Linux, the same in all releases of a minor version. A test derives them again from the headers
/// of real installations.
/// </summary>
internal static class PythonLayouts
{
    internal static PythonLayout V39 { get; } = new()
    {
        InterpretersHead = 32,
        CurrentState = 568,
        InterpreterStart = 0,
        InterpreterBytes = 16,
        InterpreterNext = 0,
        InterpreterThreads = 8,
        StateBytes = 184,
        StatePrevious = 0,
        StateNext = 8,
        StateInterpreter = 16,
        StateFrame = 24,
        StateThreadId = 176,
        FrameStart = 24,
        FrameBytes = 8,
        FramePrevious = 0,
    };

    internal static PythonLayout V310 { get; } = V39;

    internal static PythonLayout V311 { get; } = new()
    {
        InterpretersHead = 40,
        CurrentState = 576,
        InterpreterStart = 0,
        InterpreterBytes = 24,
        InterpreterNext = 0,
        InterpreterThreads = 16,
        StateBytes = 168,
        StatePrevious = 0,
        StateNext = 8,
        StateInterpreter = 16,
        StateFrame = 56,
        CFrameFrame = 8 + 1,
        StateThreadId = 152,
        StateNativeId = 160,
        FrameStart = 32,
        FrameBytes = 40,
        FramePrevious = 16,
        FrameCode = 0,
        FrameInstruction = 24,
        FrameOwner = 37,
        CodeFirstTraceable = 168,
        CodeBytecode = 184,
    };

    internal static PythonLayout V312 { get; } = new()
    {
        InterpretersHead = 40,
        InterpreterStart = 0,
        InterpreterBytes = 80,
        InterpreterNext = 0,
        InterpreterThreads = 72,
        StateBytes = 152,
        StatePrevious = 0,
        StateNext = 8,
        StateInterpreter = 16,
        StateStatus = 24,
        StateFrame = 56,
        CFrameFrame = 0 + 1,
        StateThreadId = 136,
        StateNativeId = 144,
        FrameStart = 0,
        FrameBytes = 72,
        FramePrevious = 8,
        FrameCode = 0,
        FrameInstruction = 56,
        FrameOwner = 70,
        CodeFirstTraceable = 176,
        CodeBytecode = 192,
    };

    /// <summary>The size of the runtime's structure (<c>_PyRuntimeState</c>) of the versions that do not say which they are.</summary>
    internal const ulong RuntimeSize39 = 656;

    internal const ulong RuntimeSize310 = 672;
}
