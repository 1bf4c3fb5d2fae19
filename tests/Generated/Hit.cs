namespace StackDepth.Tests.Generated;

/// <summary>What is true of the thread that hits a probe.</summary>
internal sealed partial record Hit
{
    internal int Cpu { get; init; }

    internal int Pid { get; init; } = 1000;

    internal int Tid { get; init; } = 1000;

    /// <summary>The arguments of the probed function that are in registers.</summary>
    internal long[] Arguments { get; init; } = new long[6];

    /// <summary>The texts that can be read, by their addresses, without the NUL at the end.</summary>
    internal IReadOnlyDictionary<long, byte[]> Texts { get; init; } = new Dictionary<long, byte[]>();

    internal uint Uid { get; init; }

    internal uint Gid { get; init; }

    internal ulong CgroupId { get; init; }

    /// <summary>The 16 bytes of comm, padded with zeroes as the kernel does.</summary>
    internal byte[] Comm { get; init; } = new byte[16];

    internal ulong Cookie { get; init; }

    internal long Timestamp { get; init; }

    /// <summary>Of a probe at returns; then there are no arguments.</summary>
    internal ReturnHit? Return { get; init; }

    /// <summary>What <c>bpf_get_stack</c> answers: bytes, or a negated errno.</summary>
    internal long UserStack { get; init; } = 8;

    /// <summary>The addresses of the user stack's frames where they are known, the innermost first.</summary>
    internal ulong[]? UserFrames { get; init; }

    /// <summary>Where stacks differ: from the frame with this number on, counted from the outermost.</summary>
    internal (int Frame, int Variant) Stacks { get; init; }

    /// <summary>The address of a frame that either helper answers, counted from the outermost.</summary>
    internal ulong Frame(int fromOutermost) => 0x40_0000UL + ((ulong)fromOutermost * 16) + (fromOutermost >= Stacks.Frame ? (ulong)Stacks.Variant : 0);

    /// <summary>What <c>bpf_get_task_stack</c> answers.</summary>
    internal long KernelStack { get; init; } = 8;
}

/// <summary>A hit at a function's return; or at its entry, of a program that is at both.</summary>
/// <param name="Value">What the function returns.</param>
/// <param name="Elapsed">How long it takes: at its entry, the hit's time is earlier by that.</param>
/// <param name="Pending">How many returns of the thread are pending at the entry.</param>
/// <param name="IsEntry">Whether this is the entry.</param>
internal sealed record ReturnHit(long Value, long Elapsed, int Pending, bool IsEntry = false);
