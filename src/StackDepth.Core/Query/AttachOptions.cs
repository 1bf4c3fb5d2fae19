using Microsoft.Extensions.Logging;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth;

/// <summary>What to do when values are lost because a stream's observer is too slow.</summary>
public enum Overflow
{
    /// <summary>Drop them, and count them in <see cref="ProbeHealth.Dropped"/>.</summary>
    Drop,

    /// <summary>End the stream with <see cref="ProbeDataLossException"/>.</summary>
    Fault,
}

/// <summary>How a query is attached. All members have sensible defaults.</summary>
public sealed record AttachOptions
{
    internal const int DefaultMaxFrames = 1 << 20;

    /// <summary>How the frames of user stacks are found, unless the query says it (<see cref="StackExpr.By"/>). Kernel stacks are always walked by the kernel.</summary>
    public StackWalk Walk { get; init; } = StackWalk.Auto;

    /// <summary>The most frames that a walk counts, at most 8,388,608; a stack with more is truncated. Not for <see cref="StackWalk.Kernel"/>, whose limit is the kernel's own.</summary>
    public int MaxFrames { get; init; } = DefaultMaxFrames;

    /// <summary>How many functions a glob may match before attaching is refused.</summary>
    public int MaxFunctions { get; init; } = 10_000;

    /// <summary>The size of the ring buffer of a stream, in bytes; rounded up to a power of two of at least a page.</summary>
    public int RingBufferBytes { get; init; } = 1 << 20;

    /// <summary>How many keys a grouped query can hold, at most 4,194,304; hits of further keys are counted in <see cref="ProbeHealth.KeysLost"/>. Of stacks that are keys or values (<see cref="StackExpr.Frames"/>) four times as many blocks of eight frames fit.
    /// The groups of quantiles are large, 22 to 30 KiB for each CPU: all of them are allocated up front where they come to at most 64 MiB together (about 1,500 keys on 2 CPUs); of more keys than that, many that come at once can be lost.</summary>
    public int MaxKeys { get; init; } = 16_384;

    /// <summary>What a stream does when its observer is too slow.</summary>
    public Overflow WhenFull { get; init; }

    /// <summary>Where a command's standard output goes when the session runs one.</summary>
    public CommandOutput CommandOutput { get; init; }

    /// <summary>Where the session logs: targets as resolved, fallbacks taken, losses.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock for periodic snapshots.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The way to the kernel; tests fake its answers.</summary>
    internal SystemCalls SystemCalls { get; init; } = SystemCalls.Real;

    /// <summary>The kernel as the compiler should see it; null to look.</summary>
    internal KernelProfile? Kernel { get; init; }
}

/// <summary>Where the standard output of a command goes that a session runs.</summary>
public enum CommandOutput
{
    /// <summary>Where this process's own goes.</summary>
    Inherit,

    /// <summary>To this process's standard error, so that standard output stays free for results.</summary>
    StandardError,

    /// <summary>Nowhere.</summary>
    Discard,
}

/// <summary>What <c>Explain</c> should do beyond describing.</summary>
/// <param name="Verify">Also load the program into the kernel, to show the verifier's log. Needs CAP_BPF and CAP_PERFMON.</param>
/// <param name="Options">The options that the query would be attached with.</param>
/// <param name="Command">Explain the program for a command and its descendants, as <c>RunAsync</c> attaches it, and not the one for all processes.</param>
public sealed record ExplainOptions(bool Verify = false, AttachOptions? Options = null, bool Command = false);
