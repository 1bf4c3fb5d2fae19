using System.Buffers.Binary;

namespace StackDepth.Native.Python;

/// <summary>
/// The description of its own structures with which the runtime of CPython 3.13 and newer begins (<c>_Py_DebugOffsets</c>, Include/internal/pycore_debug_offsets.h): words of 64 bits in
/// groups, each group's first the size of its structure. The groups have grown with the versions.
/// </summary>
internal static class PythonDebugOffsets
{
    /// <summary>Bytes of it that are read.</summary>
    internal const int Bytes = 512;

    private const uint ReleaseLevel = 0xf; // the lowest digits but one of PY_VERSION_HEX: a final release
    private const int Version = 1;
    private const int FreeThreaded = 2;
    private const int Runtime = 3;
    private const int Interpreter = 6;
    private const int StateWords = 9;

    /// <summary>Before 3.15 this field and an untouched pointer lie before the bytecode.</summary>
    private const uint FirstTraceableBeforeBytecode = 16;

    /// <summary>Whether a runtime begins so.</summary>
    internal static bool Has(ReadOnlySpan<byte> runtime) => runtime.StartsWith("xdebugpy"u8);

    /// <summary>The layout that it describes.</summary>
    /// <param name="runtime">The first <see cref="Bytes"/> of the runtime, which begin as <see cref="Has"/> says.</param>
    /// <param name="version">The file's version, as <c>PY_VERSION_HEX</c> has it.</param>
    /// <param name="why">Why there is none.</param>
    internal static PythonLayout? Read(ReadOnlySpan<byte> runtime, uint version, out string why)
    {
        var words = new ulong[Bytes / sizeof(ulong)];
        for (var word = 0; word < words.Length && (word + 1) * sizeof(ulong) <= runtime.Length; word++)
        {
            words[word] = BinaryPrimitives.ReadUInt64LittleEndian(runtime[(word * sizeof(ulong))..]);
        }

        // 3.14 added the main thread's state, and two generations, to the interpreter's group; the stack pointer, and an index, to the frame's.
        var (interpreterWords, frameWords) = (version >> 16) switch
        {
            0x030d => (13, 6),
            0x030e => (16, 8),
            _ => (0, 0),
        };
        why = interpreterWords == 0 ? $"the layout of CPython {version >> 24}.{(version >> 16) & 0xff} is not known"
            : words[Version] != version ? $"its runtime describes another version, 0x{words[Version]:x}"
            : ((version >> 4) & 0xf) != ReleaseLevel ? "it is no final release"
            : words[FreeThreaded] != 0 ? "it is a free-threaded build"
            : "";
        if (why.Length > 0)
        {
            return null;
        }

        var state = Interpreter + interpreterWords;
        var frame = state + StateWords;
        var code = frame + frameWords;
        var (next, threads, bytecode) = (words[Interpreter + 2], words[Interpreter + 3], words[code + 9]);
        var start = ulong.Min(next, threads);
        // Each offset within its structure: what is not the expected group fails here.
        var plausible = words[Runtime + 2] < words[Runtime] && ulong.Max(next, threads) < words[Interpreter] && ulong.Max(next, threads) - start < PythonLayout.MostBytes
            && words.AsSpan(state + 1, StateWords - 1).ToArray().All(offset => offset < words[state]) && words.AsSpan(frame + 1, 5).ToArray().All(offset => offset <= words[frame])
            && words.AsSpan(code + 1, 9).ToArray().All(offset => offset <= words[code]) && bytecode is >= FirstTraceableBeforeBytecode and < 1 << 12
            && words[Interpreter] < 1 << 24 && words[state] < 1 << 16 && words[frame] <= PythonLayout.MostBytes && words[Runtime] < 1 << 28;
        var layout = plausible ? Layout() : default;
        why = layout.IsSane ? "" : "its runtime describes structures that cannot be";
        return layout.IsSane ? layout : null;

        PythonLayout Layout() => new()
        {
            InterpretersHead = (uint)words[Runtime + 2],
            InterpreterStart = (uint)start,
            InterpreterBytes = (uint)(ulong.Max(next, threads) - start) + sizeof(ulong),
            InterpreterNext = (uint)(next - start),
            InterpreterThreads = (uint)(threads - start),
            // No more than what is asked for: a structure can end at the end of what is mapped.
            StateBytes = (uint)(ulong.Max(ulong.Max(words[state + 5], words[state + 6]), ulong.Max(words[state + 4], words[state + 8])) + sizeof(ulong)),
            StatePrevious = (uint)words[state + 1],
            StateNext = (uint)words[state + 2],
            StateInterpreter = (uint)words[state + 3],
            StateFrame = (uint)words[state + 4],
            StateThreadId = (uint)words[state + 5],
            StateNativeId = (uint)words[state + 6],
            StateStatus = (uint)words[state + 8],
            FrameStart = 0,
            FrameBytes = (uint)(ulong.Max(ulong.Max(words[frame + 1], words[frame + 2]), ulong.Max(words[frame + 3], words[frame + 5] & ~7UL)) + sizeof(ulong)),
            FramePrevious = (uint)words[frame + 1],
            FrameCode = (uint)words[frame + 2],
            FrameInstruction = (uint)words[frame + 3],
            FrameOwner = (uint)words[frame + 5],
            CodeFirstTraceable = (uint)bytecode - FirstTraceableBeforeBytecode,
            CodeBytecode = (uint)bytecode,
        };
    }
}
