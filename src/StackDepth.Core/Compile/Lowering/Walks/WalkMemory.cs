namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The memory of one walk: an entry of a per-CPU array, one for each capture slot, so that a walk has it to itself. State that lies here and not on the BPF stack is unknown to
/// the verifier, which is what makes the step over a frame converge at its first round.
/// </summary>
internal static class WalkMemory
{
    /// <summary>The end that is none of the reasons for which a stack is not complete: the outermost frame was reached, and the rows say so.</summary>
    internal const int Outermost = 64;

    /// <summary>The end of a walk that has come to where it was to stop, or past it; it can go on.</summary>
    internal const int Reached = 65;

    /// <summary>The address of the frame: of its next instruction, or of the one it is at where <see cref="Exact"/> is 1.</summary>
    internal const int Ip = 0;

    internal const int Sp = 8;

    /// <summary>The frame's rbp; 0 where the tables say that it is lost, from where no step leads on.</summary>
    internal const int Bp = 16;

    internal const int Depth = 24;

    /// <summary>1 where <see cref="Ip"/> is not a return address: the probed function, and a frame that a signal interrupted.</summary>
    internal const int Exact = 32;

    /// <summary>Why the walk ended: <see cref="Outermost"/> or a <see cref="StackReason"/>.</summary>
    internal const int End = 40;

    /// <summary>How many steps had to guess.</summary>
    internal const int Guesses = 48;

    internal const int Signals = 56;

    /// <summary>The part of the user's stack that was read last: its address, and its length less 8, which is how far a word can lie from the address.</summary>
    internal const int BlockAddress = 64;

    internal const int BlockLimit = 72;

    /// <summary>Where the stack of the process's first thread begins: below it, down to where a thread is on that stack, all is stack.</summary>
    internal const int StackStart = 80;

    /// <summary>Where code lies that provably keeps frame pointers, in the mapping of the last frame.</summary>
    internal const int PlainStart = 88;

    internal const int PlainLength = 96;

    /// <summary>The number of the process's mappings as they are now: entries of the caches below hold for one epoch.</summary>
    internal const int Epoch = 104;

    internal const int LastEpoch = 112;

    /// <summary>The address in kernel memory of the newest return that a uretprobe hijacked, and the address that it returns to instead.</summary>
    internal const int ReturnInstance = 120;

    internal const int Trampoline = 128;

    /// <summary>What the look at a mapping found.</summary>
    internal const int MappingStart = 136;

    internal const int MappingEnd = 144;

    internal const int MappingOffset = 152;

    internal const int MappingFlags = 160;

    internal const int MappingKind = 168;

    /// <summary>The key of a file: inode, device, zero.</summary>
    internal const int FileKey = 176;

    /// <summary>The entry of a file that is asked for: zeroes.</summary>
    internal const int EmptyFile = 192;

    /// <summary>Registers that a CFA is counted from now and then; of a frame whose <see cref="Ip"/> is exact, rbx of every frame with <see cref="FollowsBx"/>.</summary>
    internal const int Bx = 224;

    internal const int R10 = 232;
    internal const int R13 = 240;

    /// <summary>How often the kernel was too busy to look up a mapping.</summary>
    internal const int BusyTries = 248;

    /// <summary>1 once the walk has met code that counts its CFA from rbx, and begun anew to follow rbx as well.</summary>
    internal const int FollowsBx = 256;

    /// <summary>Registers of a frame that a signal interrupted, r8 to rip as they lie in the signal frame.</summary>
    internal const int SignalRegisters = 264;

    /// <summary>The registers of the probed function, to begin anew from.</summary>
    internal const int FirstIp = 400;

    internal const int FirstSp = 408;
    internal const int FirstBp = 416;
    internal const int FirstBx = 424;
    internal const int FirstR10 = 432;
    internal const int FirstR13 = 440;

    /// <summary>The newest return that was hijacked, to begin anew from.</summary>
    internal const int FirstReturnInstance = 448;

    /// <summary>The marks of the row that was looked up last: see <see cref="Native.Unwind.FunctionMarks"/>.</summary>
    internal const int Marks = 456;

    /// <summary>What of the plain stretch is marked: from its start, and the length. Of the file that a mapping is filled in from: both in one word, as in the file's entry.</summary>
    internal const int MarkedStart = 464;

    internal const int MarkedLength = 472;

    /// <summary>How many frames were marked, for each set of functions.</summary>
    internal const int Counts = 480;

    /// <summary>The processes met last: { start time, exec number and process id, sequence of the mappings, epoch }.</summary>
    internal const int Processes = 544;

    internal const int ProcessCount = 16;

    internal const int ProcessBytes = 32;

    /// <summary>The mappings met last, see <see cref="SegmentEntry"/>.</summary>
    internal const int Segments = Processes + (ProcessCount * ProcessBytes);

    internal const int SegmentCount = 64;

    internal const int SegmentBytes = 64;

    /// <summary>The addresses met last, see <see cref="AddressEntry"/>.</summary>
    internal const int Addresses = Segments + (SegmentCount * SegmentBytes);

    internal const int AddressCount = 256;

    internal const int AddressBytes = 32;

    internal const int Block = Addresses + (AddressCount * AddressBytes);

    internal const int BlockBytes = 16384;

    internal const int Bytes = Block + BlockBytes;

    /// <summary>Behind all else, for walks that stop: at which stack pointer, and in frames of which code.</summary>
    internal const int Stop = Bytes;

    internal const int StopStart = Stop + 8;

    internal const int StopLength = Stop + 16;

    /// <summary>An address in the code of the frame that the walk has left when it stopped.</summary>
    internal const int StoppedIn = Stop + 24;

    internal const int StopBytes = 32;

    /// <summary>A mapping in the cache.</summary>
    internal static class SegmentEntry
    {
        internal const int Epoch = 0;
        internal const int Start = 8;
        internal const int Length = 16;

        /// <summary>What to add to an address to get the file offset.</summary>
        internal const int Offset = 24;

        internal const int IndexWord = 32;
        internal const int FirstPage = 36;
        internal const int PageCount = 40;

        /// <summary>The marked part of the plain stretch: its length, and below the file offset of its start.</summary>
        internal const int MarkedLength = 44;

        internal const int PlainStart = 48;
        internal const int PlainLength = 56;
        internal const int MarkedStart = 60;
    }

    /// <summary>An address in the cache, with its rule and the place of its mapping in that cache.</summary>
    internal static class AddressEntry
    {
        internal const int Address = 0;
        internal const int Epoch = 8;
        internal const int Rule = 16;
        internal const int Segment = 24;
        internal const int Marks = 28;
    }
}
