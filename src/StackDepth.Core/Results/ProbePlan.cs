using System.Collections.Immutable;

namespace StackDepth;

/// <summary>A stack that a program walks at a hit.</summary>
/// <param name="OfKernel">Whether it is the kernel's stack, and not the user's.</param>
/// <param name="Walk">How its frames are found.</param>
/// <param name="MaxFrames">The most frames that the walk counts.</param>
public sealed record PlannedWalk(bool OfKernel, StackWalk Walk, int MaxFrames);

/// <summary>The program of one of the probes of a query.</summary>
/// <param name="Probe">The probe, as bpftrace writes it.</param>
/// <param name="Ir">What is done at its hits: see <see cref="ProbePlan.Ir"/>.</param>
/// <param name="Disassembly">The program: see <see cref="ProbePlan.Disassembly"/>.</param>
/// <param name="Bytecode">The program as the kernel gets it: see <see cref="ProbePlan.Bytecode"/>.</param>
public sealed record PlannedProgram(string Probe, string Ir, string Disassembly, ReadOnlyMemory<byte> Bytecode);

/// <summary>What a query becomes.</summary>
public sealed class ProbePlan
{
    internal ProbePlan()
    {
    }

    /// <summary>The programs: one for each probe of the query, in their order.</summary>
    public required ImmutableArray<PlannedProgram> Programs { get; init; }

    /// <summary>The query in the stable text of the IR, one step a line, in the order in which the kernel runs them; of several probes, one program behind another.</summary>
    public required string Ir { get; init; }

    /// <summary>The program, one instruction a line, each with the step of the IR that it came from; of several probes, one program behind another.</summary>
    public required string Disassembly { get; init; }

    /// <summary>The program as the kernel gets it, except that maps are not yet descriptors; of several probes, that of the first one. <see cref="Programs"/> has all.</summary>
    public required ReadOnlyMemory<byte> Bytecode { get; init; }

    /// <summary>The verifier's log, when it was asked for.</summary>
    public string? VerifierLog { get; init; }

    /// <summary>Where the probes would sit.</summary>
    public required ImmutableArray<ProbeSite> Sites { get; init; }

    /// <summary>How the program walks stacks, in the order in which it does; empty when it walks none.</summary>
    public required ImmutableArray<PlannedWalk> Walks { get; init; }

    /// <summary>The files that a target's processes have mapped from the start, with what our walks make of them; empty when no stack is walked by <see cref="StackWalk.Auto"/>, <see cref="StackWalk.FramePointer"/> or <see cref="StackWalk.Unwind"/>.</summary>
    public required ImmutableArray<PlannedFile> Files { get; init; }

    /// <summary>What the target turned out to be, where that is not what was written (a launcher's library, a shim's program); else null.</summary>
    public string? TargetNote { get; init; }

    /// <summary>IR and disassembly.</summary>
    public override string ToString() => Ir + Environment.NewLine + Disassembly;
}
