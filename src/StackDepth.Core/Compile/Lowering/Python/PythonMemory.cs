using StackDepth.Native.Python;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>
/// The memory of one count of Python frames: an entry of a per-CPU array, one for each capture slot. As with the other walks, what lies here is unknown to the verifier, which lets the
/// loops converge at their first round.
/// </summary>
internal static class PythonMemory
{
    /// <summary>The end that is none of the reasons for which a stack is not complete: the outermost frame was reached.</summary>
    internal const int Outermost = 64;

    internal const int End = 0;
    internal const int Depth = 8;

    /// <summary>The address of the frame in hand.</summary>
    internal const int Frame = 16;

    /// <summary>The address of the process's <c>_PyRuntime</c>.</summary>
    internal const int Runtime = 24;

    /// <summary>The thread's <c>pthread_self()</c>, and its id in its pid namespace.</summary>
    internal const int ThreadId = 32;

    internal const int NativeId = 40;

    /// <summary>The process: its start; its exec number above its id.</summary>
    internal const int Process = 48;

    internal const int ProcessId = 56;
    internal const int ParentId = 64;
    internal const int StartCode = 72;
    internal const int Ip = 80;

    /// <summary>Where the search for the thread's state is.</summary>
    internal const int Interpreter = 88;

    internal const int NextInterpreter = 96;
    internal const int State = 104;
    internal const int PreviousState = 112;
    internal const int Restarts = 120;
    internal const int FirstInterpreter = 128;

    /// <summary>The innermost frame of the state that was read last.</summary>
    internal const int StateFrame = 136;

    /// <summary>How many states of this thread have frames, and the first one's innermost.</summary>
    internal const int Found = 144;

    internal const int FoundFrame = 152;

    /// <summary>The same of states that name this thread in one of two ways only.</summary>
    internal const int Doubtful = 160;

    internal const int DoubtfulFrame = 168;

    /// <summary>The search for a circle: a frame that was met, at how many steps, and when to take another one.</summary>
    internal const int Landmark = 176;

    internal const int Steps = 184;
    internal const int NextLandmark = 192;

    /// <summary>A word that was read.</summary>
    internal const int Word = 200;

    /// <summary>Not 0 where these are the thread's current frames only perhaps.</summary>
    internal const int Guess = 208;

    /// <summary>What the look at a mapping found.</summary>
    internal const int MappingStart = 216;

    internal const int MappingEnd = 224;
    internal const int MappingOffset = 232;
    internal const int MappingFlags = 240;

    /// <summary>The key of a file: inode, device, zero.</summary>
    internal const int FileKey = 248;

    /// <summary>1 where user space says that there is no CPython in the process.</summary>
    internal const int Absent = 264;

    /// <summary>A file to ask for, and where it is mapped; its inode is 0 where nothing is known of the process.</summary>
    internal const int AskKey = 272;

    internal const int AskStart = 288;
    internal const int AskEnd = 296;
    internal const int AskOffset = 304;

    /// <summary>The value to store for a process.</summary>
    internal const int NewProcess = 312;

    internal const int Layout = NewProcess + PythonMaps.ProcessBytes;

    /// <summary>The number of this count: what is kept by code object holds for one, as the frames that are counted keep their code alive.</summary>
    internal const int CountNumber = Layout + PythonLayout.Size;

    /// <summary>The code object of the frame in hand, and the frame before it.</summary>
    internal const int Code = CountNumber + 8;

    internal const int LastFrame = Code + 8;

    /// <summary>The part of the process's memory that was read last with frames in it: its address, and how far a frame can lie from there.</summary>
    internal const int BlockAddress = LastFrame + 8;

    internal const int BlockLast = BlockAddress + 8;

    /// <summary>An address whose mapping is looked up, and what the kernel answers.</summary>
    internal const int Address = BlockLast + 8;

    internal const int Answer = Address + 8;

    /// <summary>Code objects that were met, see <see cref="CodeEntry"/>.</summary>
    internal const int Codes = Answer + 8;

    internal const int CodeBits = 9;
    internal const int CodeCount = 1 << CodeBits;
    internal const int CodeBytes = 24;

    /// <summary>The structure that was read last.</summary>
    internal const int Buffer = Codes + (CodeCount * CodeBytes);

    internal const int Block = Buffer + PythonLayout.MostBytes;

    internal const int PageBytes = 4096;

    internal const int Bytes = Block + PageBytes + PythonLayout.MostBytes;

    /// <summary>A code object: the count that met it, its address, and from which instruction on its frames count.</summary>
    internal static class CodeEntry
    {
        internal const int Count = 0;
        internal const int Address = 8;
        internal const int First = 16;
    }

    /// <summary>The value of a process: the runtime's address (0 where it is not known), the file's key, when user space was asked.</summary>
    internal static class ProcessEntry
    {
        internal const int Runtime = 0;
        internal const int FileKey = 8;
        internal const int Asked = 24;
    }
}
