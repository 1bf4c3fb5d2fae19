namespace StackDepth.Live.Tests.Walks;

/// <summary>Where the truth about a target's stacks comes from; never from StackDepth.</summary>
internal enum TruthSource
{
    /// <summary>The program's own report of every hit, relative to a base (the frames below) that gdb measures once.</summary>
    Report,

    /// <summary>gdb, at every hit, of the same program with the same arguments.</summary>
    Gdb,

    /// <summary>None is at hand: there is code made at run time on the stack. Such stacks must not be reported complete.</summary>
    None,
}

/// <summary>What to run and what to probe.</summary>
/// <param name="Path">The program.</param>
/// <param name="Binary">The file that is probed.</param>
/// <param name="Arguments">The arguments for a depth, a number of repetitions and a file for the report.</param>
internal sealed record WalkProgram(string Path, string Binary, Func<int, int, string, string[]> Arguments);

/// <summary>A program whose stacks are known, to try walks on.</summary>
/// <param name="Name">The name in test reports.</param>
/// <param name="Truth">Where its truth comes from.</param>
/// <param name="Prepare">Builds or finds the program; skips the test if the machine lacks what it needs.</param>
internal sealed record WalkTarget(string Name, TruthSource Truth, Func<WalkProgram> Prepare)
{
    /// <summary>The depths that the exact walks are tried at.</summary>
    internal int[] Depths { get; init; } = [10, 100, 2000];

    /// <summary>A symbol, or symbol+offset.</summary>
    internal string Probe { get; init; } = "leaf_push";

    /// <summary>Nobody can prove these stacks to their end (no unwind tables, hijacked return addresses): they need not be complete, only never wrongly so.</summary>
    internal bool Unprovable { get; init; }

    /// <summary>At how many instructions of a run a walk may not get through, as long as it says so.</summary>
    internal int MayBreak { get; init; }

    /// <summary>The target whose base holds for this one too, where gdb cannot be asked.</summary>
    internal string? BaseOf { get; init; }

    /// <summary>The bases by construction, where gdb has no proof either.</summary>
    internal IReadOnlyDictionary<string, int>? Bases { get; init; }

    /// <summary>How many frames the kernel's walk misses at the outer end; null where it finds what happens to be there.</summary>
    internal int? KernelMisses { get; init; }

    /// <summary>All frames' code was compiled ahead of time.</summary>
    internal bool AheadOfTime => Truth != TruthSource.None;

    public override string ToString() => Name;
}
