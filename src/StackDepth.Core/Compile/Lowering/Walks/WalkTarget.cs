using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>What a walk of ours depends on.</summary>
/// <param name="Walk">How it finds the caller of a frame.</param>
/// <param name="MaxFrames">The most frames that it counts.</param>
/// <param name="Offsets">The kernel's fields.</param>
/// <param name="SequenceShift">How far to shift the sequence number of a process's mappings so that it changes once for each change: 1 where it is odd during one (since 6.13).</param>
/// <param name="EntersAtFunctions">Whether every site is a function's first instruction, where the caller's address is at the stack pointer.</param>
/// <param name="Sets">How many sets of functions there are whose frames are counted.</param>
/// <param name="Stops">Whether the walk ends as soon as a caller's stack pointer is at <see cref="WalkMemory.Stop"/> or above, or it has left a frame of the code at <see cref="WalkMemory.StopStart"/> other than the first.</param>
/// <param name="Trail">Where it writes down the frames that it finds, one by one, in a hit that is kept: see <see cref="TrailRecord"/>.</param>
/// <param name="Numbers">Where it writes them down in a stack that gets a number.</param>
internal sealed record WalkTarget(StackWalk Walk, int MaxFrames, KernelOffsets Offsets, int SequenceShift, bool EntersAtFunctions, int Sets = 0, bool Stops = false, TrailLayout? Trail = null, FrameNumbering? Numbers = null)
{
    /// <summary>What the names of its functions begin with.</summary>
    internal string Name => Stops ? $"{Walk}To" : Numbers is { } numbers ? $"{Walk}Frames{numbers.Index}" : Records ? $"{Walk}Trail" : Walk.ToString();

    /// <summary>Whether it writes down the frames that it finds.</summary>
    internal bool Records => Trail is not null || Numbers is not null;

    /// <summary>Whether it steps by frame pointer, without a lookup, through text that provably keeps them.</summary>
    internal bool StepsPlain => Walk != StackWalk.Unwind && !Records;
}

/// <summary>How the frames of a stack that is a value are written down.</summary>
/// <param name="Function">The function that numbers a node: see <see cref="FramesLowering"/>.</param>
/// <param name="Skip">How many frames are left out at the inner end.</param>
/// <param name="Index">The number of the walk among those of its kind.</param>
internal sealed record FrameNumbering(Label Function, int Skip, int Index);
