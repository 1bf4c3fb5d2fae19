using System.Collections.Immutable;
using StackDepth.Native.Asm;

namespace StackDepth.Native.Spec;

/// <summary>The kinds of program that StackDepth loads, with the numbers of the kernel's <c>enum bpf_prog_type</c>.</summary>
internal enum ProgramType : uint
{
    Kprobe = 2,
    TracePoint = 5,
    PerfEvent = 7,
    RawTracePoint = 17,
    Tracing = 26,
    Syscall = 31,
}

/// <summary>Expected attach types, with the numbers of the kernel's <c>enum bpf_attach_type</c>. A Kprobe program with <see cref="None"/> attaches to perf events.</summary>
internal enum AttachType : uint
{
    None = 0,
    TraceRawTp = 23,
    TraceFentry = 24,
    TraceFexit = 25,
    TraceIter = 28,
    PerfEvent = 41,
    TraceKprobeMulti = 42,
    TraceUprobeMulti = 48,
    TraceKprobeSession = 56,
    TraceUprobeSession = 57,
}

/// <summary>A function of a program: its first instruction, counted in 8-byte slots. The main function is the one at slot 0.</summary>
internal readonly record struct FunctionInfo(string Name, int Slot);

/// <summary>
/// An inert description of a BPF program: comparable by value, the same on every machine; maps are symbolic names until load, and loading works on a copy,
/// so that one spec can be loaded many times.
/// </summary>
internal sealed record ProgramSpec
{
    /// <summary>The program's name as the kernel will show it (at most 15 characters of [A-Za-z0-9_.]).</summary>
    public required string Name { get; init; }

    public required ProgramType Type { get; init; }

    public AttachType ExpectedAttachType { get; init; }

    /// <summary>The kernel function that a tracing program attaches to, by its id in the kernel's BTF; 0 for none.</summary>
    public int AttachFunction { get; init; }

    /// <summary>Whether the program may wait for memory (BPF_F_SLEEPABLE), which some helpers ask for.</summary>
    public bool IsSleepable { get; init; }

    /// <summary>The instructions, in order, local calls and jumps resolved, maps symbolic.</summary>
    public required ImmutableArray<Instruction> Instructions { get; init; }

    /// <summary>The functions, main first. With more than one, the loader supplies BTF func_info for all of them.</summary>
    public ImmutableArray<FunctionInfo> Functions { get; init; } = [new FunctionInfo("main", 0)];

    /// <summary>The licence string told to the kernel: the helpers that read stacks are GPL-only.</summary>
    public string License { get; init; } = "Dual MIT/GPL";

    /// <summary>Whether it asks for the cookie of the site that was hit.</summary>
    internal bool UsesCookie => Instructions.Any(static instruction =>
        instruction.Code == Opcode.CallCode && instruction.Src == 0 && instruction.Immediate == (long)HelperId.GetAttachCookie);

    // An ImmutableArray is equal to another only when it is the same array: the sequences are what counts.
    public bool Equals(ProgramSpec? other) =>
        other is not null && Name == other.Name && Type == other.Type && ExpectedAttachType == other.ExpectedAttachType && License == other.License
        && AttachFunction == other.AttachFunction && IsSleepable == other.IsSleepable
        && Instructions.SequenceEqual(other.Instructions) && Functions.SequenceEqual(other.Functions);

    public override int GetHashCode() => HashCode.Combine(Name, Type, ExpectedAttachType, License, AttachFunction, IsSleepable, Instructions.Length, Functions.Length);
}
