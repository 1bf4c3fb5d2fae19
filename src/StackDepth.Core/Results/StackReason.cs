namespace StackDepth;

/// <summary>Why a captured stack is not complete. Each reason belongs to one <see cref="Completeness"/>.</summary>
public enum StackReason
{
    /// <summary>The stack is complete.</summary>
    None,

    /// <summary>Broken: the walk gives no proof that it reached the outermost frame. All that the kernel's walk of user frames can say, and how a chain of frame pointers ends whose end no unwind row proves.</summary>
    NoProof,

    /// <summary>Broken: a return address lies in no executable mapping.</summary>
    UnmappedCode,

    /// <summary>Broken: the unwind rows of the file are not loaded yet.</summary>
    TablePending,

    /// <summary>Broken: the unwind rows of the file cannot be had: it is unreadable or too large, or the room for rows is full.</summary>
    TableUnusable,

    /// <summary>Broken: the unwind information has a rule that the walk cannot express.</summary>
    UnsupportedRule,

    /// <summary>Broken: memory of the stack could not be read.</summary>
    ReadFailed,

    /// <summary>Broken: the chain does not ascend, or is misaligned.</summary>
    Corrupt,

    /// <summary>Broken: too many signal frames within each other.</summary>
    SignalLimit,

    /// <summary>Broken: the kernel could not look up the mapping of a return address at that moment.</summary>
    MappingBusy,

    /// <summary>Truncated: the walk came to its limit of frames, or recursion to that of the activations that are kept.</summary>
    FrameLimit,

    /// <summary>
    /// Truncated: a walk whose steps are not proved came to its limit (the kernel's of user frames; <see cref="StackWalk.FramePointer"/> on kernels without bpf_loop). Code without
    /// frame pointers can lead it in a circle.
    /// </summary>
    UnprovedLimit,

    /// <summary>Approximate: a step went by frame pointer through code that has no unwind rows, or that is not proved to keep frame pointers.</summary>
    FramePointerStep,

    /// <summary>Approximate: after such a step the chain ended without a proof that it was the end. The depth bounds the true one in no way.</summary>
    GuessFailed,

    /// <summary>Broken: where the process's Python is was not known yet. Of <see cref="PythonExpr"/>, as the four that follow.</summary>
    PythonPending,

    /// <summary>Broken: no CPython was found in the process when it was looked at. It may have one whose symbols do not tell, or load one later.</summary>
    PythonAbsent,

    /// <summary>Broken: the process's Python is of a version, or a build, whose structures are not known.</summary>
    PythonUnsupported,

    /// <summary>Broken: the interpreter's list of threads changed while it was read, or is longer than what is read of it.</summary>
    PythonBusy,

    /// <summary>Approximate: the thread has frames in several interpreters, or a state that is its own only perhaps, and does not hold the GIL that would tell which of them is current.</summary>
    PythonGuess,

    /// <summary>Approximate, of bytes and recursion: the stack pointer lies on none of the thread's own stacks that are known, as a coroutine's does.</summary>
    ForeignStack,

    /// <summary>Approximate, of recursion: on a signal's alternate stack, activations on the interrupted stack are counted of which some may have ended before the signal.</summary>
    InterruptedStack,

    /// <summary>Approximate, of recursion: that an earlier activation is still live could not be proved, as the walk from this one to it was not: through code without rows, or of a function whose end is not known.</summary>
    UnprovedActivation,

    /// <summary>Broken, of recursion: activations may be live that began before the probes were in place, or before the process was forked. The count is a lower bound.</summary>
    UnseenEntries,

    /// <summary>Broken, of recursion: there was no memory to remember an entry that may still be live. The count is a lower bound.</summary>
    LostEntries,

    /// <summary>Broken: the thread kept running while its stack was looked at (<see cref="Probe.Threads"/>).</summary>
    Running,
}

internal static class StackReasons
{
    /// <summary>The last of the reasons of captured stacks, which are numbered without gaps.</summary>
    internal const StackReason Last = StackReason.LostEntries;

    /// <summary>The reasons that a stack can have for not being complete that a probe captured: the thread that hits a probe looks at its own stack.</summary>
    internal static IReadOnlyList<StackReason> All { get; } = [.. Enum.GetValues<StackReason>().Where(static reason => reason is not (StackReason.None or StackReason.Running))];

    /// <summary>What a stack is that has this reason.</summary>
    internal static Completeness Completeness(this StackReason reason) => reason switch
    {
        StackReason.None => StackDepth.Completeness.Complete,
        StackReason.FrameLimit or StackReason.UnprovedLimit => StackDepth.Completeness.Truncated,
        StackReason.FramePointerStep or StackReason.GuessFailed or StackReason.PythonGuess or StackReason.ForeignStack or StackReason.InterruptedStack or StackReason.UnprovedActivation => StackDepth.Completeness.Approximate,
        _ => StackDepth.Completeness.Broken,
    };
}
