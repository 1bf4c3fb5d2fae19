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
    private const int MostStructureBytes = 1 << 16;

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

        // How many words the groups of the interpreter and of the frame have: 3.14 added some, its releases need not all have the same.
        var (interpreterWords, frameWords) = (version >> 16) switch
        {
            0x030d => (13..14, 6..7),
            0x030e => (14..18, 6..10),
            _ => (0..0, 0..0),
        };
        why = interpreterWords.End.Value == 0 ? $"the layout of CPython {version >> 24}.{(version >> 16) & 0xff} is not known"
            : words[Version] != version ? $"its runtime describes another version, 0x{words[Version]:x}"
            : ((version >> 4) & 0xf) != ReleaseLevel ? "it is no final release"
            : words[FreeThreaded] != 0 ? "it is a free-threaded build"
            : "";
        if (why.Length > 0)
        {
            return null;
        }

        PythonLayout? found = null;
        for (var interpreter = interpreterWords.Start.Value; interpreter < interpreterWords.End.Value; interpreter++)
        {
            for (var frame = frameWords.Start.Value; frame < frameWords.End.Value; frame++)
            {
                if (Read(words, Interpreter + interpreter, Interpreter + interpreter + StateWords, Interpreter + interpreter + StateWords + frame) is { IsSane: true } layout)
                {
                    why = found is null ? "" : "its runtime can be read in more than one way";
                    found = layout;
                }
            }
        }

        why = found is null ? "its runtime describes structures that cannot be" : why;
        return why.Length == 0 ? found : null;
    }

    /// <summary>The layout, where the groups of a thread's state, a frame and a code object begin at these words.</summary>
    private static PythonLayout? Read(ReadOnlySpan<ulong> words, int state, int frame, int code)
    {
        var (next, threads, bytecode) = (words[Interpreter + 2], words[Interpreter + 3], words[code + 9]);
        var start = ulong.Min(next, threads);
        // What is so in all versions, and in no other group: a state begins with its neighbours and its interpreter, a frame with its code and the frame before it; a code object ends with its
        // bytecode.
        var plausible = words[Runtime + 2] < words[Runtime] && words[Runtime] < 1 << 28
            && ulong.Max(next, threads) < words[Interpreter] && words[Interpreter] < 1 << 24 && ulong.Max(next, threads) - start < PythonLayout.MostBytes
            && words[state + 1] == 0 && words[state + 2] == 8 && words[state + 3] == 16 && words[state + 6] == words[state + 5] + 8 && Within(words, state, StateWords)
            && words[frame + 1] == 8 && words[frame + 2] == 0 && Within(words, frame, 6)
            && bytecode is >= FirstTraceableBeforeBytecode and < 1 << 12 && words[code] - bytecode is > 0 and <= sizeof(ulong);
        return plausible ? Layout(words, state, frame, start, bytecode) : null;
    }

    /// <summary>Whether the offsets of a group lie within its structure.</summary>
    private static bool Within(ReadOnlySpan<ulong> words, int group, int length)
    {
        foreach (var offset in words.Slice(group + 1, length - 1))
        {
            if (offset >= words[group] || offset >= MostStructureBytes)
            {
                return false;
            }
        }

        return true;
    }

    private static PythonLayout Layout(ReadOnlySpan<ulong> words, int state, int frame, ulong start, ulong bytecode)
    {
        var (next, threads) = (words[Interpreter + 2], words[Interpreter + 3]);
        return new()
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
