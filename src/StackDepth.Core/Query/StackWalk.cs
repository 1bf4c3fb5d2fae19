namespace StackDepth;

/// <summary>How the frames of a stack are found.</summary>
public enum StackWalk
{
    /// <summary>
    /// The kernel's own walk (<c>bpf_get_stack</c>), as bpftrace does it: user frames by frame pointers, at most 127 frames (<c>kernel.perf_event_max_stack</c>), and no
    /// proof that the outermost frame was reached.
    /// </summary>
    Kernel,
}
