namespace StackDepth;

/// <summary>How the frames of a user stack are found; docs/semantics.md says what each walk can and cannot do. Kernel stacks are always walked by the kernel.</summary>
public enum StackWalk
{
    /// <summary>
    /// The cheapest walk that is right for the code at hand: frame pointers in binaries that are proved to keep them, unwind rows elsewhere. Before Linux 5.17, or without
    /// BTF, it follows frame pointers through at most 1,024 frames and proves nothing; on other machines than x86-64 it is <see cref="Kernel"/>.
    /// </summary>
    Auto,

    /// <summary>
    /// Our own walk along the chain of frame pointers, from the caller on top of the stack. No cap but <see cref="AttachOptions.MaxFrames"/>; complete only where every return
    /// address lies in code that is proved to keep frame pointers, and the outermost function's unwind row says that it is the outermost. For x86-64.
    /// </summary>
    FramePointer,

    /// <summary>
    /// Our own walk by the unwind rows of <c>.eh_frame</c>, which most code has with or without frame pointers. No cap but <see cref="AttachOptions.MaxFrames"/>; complete where
    /// a row says that the outermost frame was reached. Needs Linux 5.17, BTF, and x86-64.
    /// </summary>
    Unwind,

    /// <summary>
    /// The kernel's own walk (<c>bpf_get_stack</c>), as bpftrace does it: user frames by frame pointers, at most 127 frames (<c>kernel.perf_event_max_stack</c>), and no
    /// proof that the outermost frame was reached.
    /// </summary>
    Kernel,
}
