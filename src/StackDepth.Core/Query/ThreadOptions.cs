using Microsoft.Extensions.Logging;
using StackDepth.Native.Sys;

namespace StackDepth;

/// <summary>How <see cref="Probe.Threads"/> looks at threads. All members have sensible defaults.</summary>
public sealed record ThreadOptions
{
    /// <summary>The most user frames that are counted of a thread, at least 1; a stack with more is truncated. What a hostile program can make a call take grows with it.</summary>
    public int MaxFrames
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }
    = AttachOptions.DefaultMaxFrames;

    /// <summary>Where the call logs: files whose unwind rows were loaded, or cannot be had.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The way to the kernel; tests fake its answers.</summary>
    internal SystemCalls SystemCalls { get; init; } = SystemCalls.Real;
}
