namespace StackDepth;

/// <summary>How a walk goes from a frame of some code to its caller.</summary>
public enum FrameStep
{
    /// <summary>Nobody has looked: the stack is the kernel's to walk, or none is walked.</summary>
    Unknown,

    /// <summary>By frame pointer: the code provably keeps it at every return address.</summary>
    FramePointer,

    /// <summary>By the unwind rows of its file.</summary>
    UnwindRows,

    /// <summary>By frame pointer, as a guess: there are no rows, or the walk is not to use them. The stack is approximate.</summary>
    Guess,

    /// <summary>Not at all: the file's rows cannot be had. The stack is broken.</summary>
    None,
}
