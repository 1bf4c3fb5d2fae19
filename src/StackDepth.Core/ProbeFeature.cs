namespace StackDepth;

/// <summary>What a program needs of the machine that it observes.</summary>
[Flags]
public enum ProbeFeature
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Probes on functions of programs and libraries.</summary>
    UProbe = 1,

    /// <summary>Probes on functions of the kernel.</summary>
    KProbe = 2,

    /// <summary>Probes on functions of the kernel with arguments by name.</summary>
    FEntry = 4,

    /// <summary>The kernel's tracepoints.</summary>
    Tracepoint = 8,

    /// <summary>Samples of all CPUs, and perf's software events.</summary>
    Profile = 16,

    /// <summary>Depths of user stacks that are proved: by the walks <see cref="StackWalk.Auto"/>, <see cref="StackWalk.Unwind"/> and <see cref="StackWalk.FramePointer"/>.</summary>
    ProvedDepths = 32,

    /// <summary>Commands that a session starts and follows.</summary>
    Commands = 64,
}
