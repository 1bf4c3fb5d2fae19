using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Threads;

/// <summary>What the program found out about the moment in which it looked at a thread.</summary>
[Flags]
internal enum SampleState : uint
{
    None = 0,

    /// <summary>The thread ran while it was looked at: registers and stack do not belong together, or are of a moment that is over.</summary>
    Ran = 1,

    /// <summary>There are registers of user code in the record.</summary>
    HasUser = 2,

    /// <summary>The kernel was busy with the process's mappings.</summary>
    MappingBusy = 4,

    /// <summary>It is the thread that reads the iterator.</summary>
    Self = 8,
}

/// <summary>
/// A thread as the iterator's program writes it: what identifies it, what tells whether it ran, its registers in user code. Behind it lie <see cref="StackBytes"/> bytes of its stack from its stack pointer on, and
/// <see cref="Returns"/> pairs of a slot and the return address that a uretprobe took out of it.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Length)]
internal unsafe struct ThreadRecord
{
    internal const int Length = 304;
    internal const int CommBytes = 16;

    /// <summary><c>struct pt_regs</c> of x86-64.</summary>
    internal const int RegistersBytes = 168;

    [FieldOffset(0)] internal uint Size;
    [FieldOffset(4)] internal int ProcessId;
    [FieldOffset(8)] internal int ThreadId;
    [FieldOffset(12)] internal uint TaskFlags;
    [FieldOffset(16)] internal SampleState State;
    [FieldOffset(20)] internal uint MemorySequence;
    [FieldOffset(24)] internal ulong Started;
    [FieldOffset(32)] internal ulong Switches;

    /// <summary>The address of the process's <c>mm_struct</c>: an identity.</summary>
    [FieldOffset(40)] internal ulong Memory;
    [FieldOffset(48)] internal ulong ExecId;

    /// <summary>8 for each kernel frame, or a negated errno.</summary>
    [FieldOffset(56)] internal long KernelBytes;
    [FieldOffset(64)] internal ulong StackStart;

    /// <summary>The end of the mapping that the stack pointer lies in; 0 where it lies in none.</summary>
    [FieldOffset(72)] internal ulong StackEnd;
    [FieldOffset(80)] internal ulong AlternateStack;
    [FieldOffset(88)] internal ulong AlternateSize;
    [FieldOffset(96)] internal ulong Vdso;
    [FieldOffset(104)] internal ulong Trampoline;
    [FieldOffset(112)] internal uint Returns;
    [FieldOffset(116)] internal uint StackBytes;
    [FieldOffset(120)] internal fixed byte Comm[CommBytes];
    [FieldOffset(136 + 16)] internal ulong R13;
    [FieldOffset(136 + 32)] internal ulong Bp;
    [FieldOffset(136 + 40)] internal ulong Bx;
    [FieldOffset(136 + 56)] internal ulong R10;
    [FieldOffset(136 + 128)] internal ulong Ip;
    [FieldOffset(136 + 136)] internal ushort CodeSegment;
    [FieldOffset(136 + 152)] internal ulong Sp;

    /// <summary>Where <see cref="Comm"/> and the registers are.</summary>
    internal const int CommAt = 120;

    internal const int RegistersAt = 136;
    internal const int SpAt = RegistersAt + 152;

    /// <summary>A kernel thread, or a worker of the kernel's that belongs to a process: neither has a stack of user code.</summary>
    internal readonly bool IsKernelThread => (TaskFlags & (TaskFlag.KernelThread | TaskFlag.IoWorker | TaskFlag.UserWorker)) != 0;

    internal readonly bool IsExiting => (TaskFlags & TaskFlag.Exiting) != 0;

    /// <summary>Whether this is a later look at a thread that has not run since the earlier one.</summary>
    internal readonly bool IsSameMomentAs(in ThreadRecord earlier) =>
        ((State | earlier.State) & SampleState.Ran) == 0 && Started == earlier.Started && Switches == earlier.Switches;

    /// <summary>Whether the process has the memory that it had at the earlier look, with the same mappings.</summary>
    internal readonly bool HasMappingsOf(in ThreadRecord earlier) =>
        Started == earlier.Started && Memory == earlier.Memory && ExecId == earlier.ExecId && MemorySequence == earlier.MemorySequence;

    internal readonly ReadOnlySpan<byte> CommText
    {
        get
        {
            ReadOnlySpan<byte> bytes = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AsRef(in Comm[0]), CommBytes);
            var end = bytes.IndexOf((byte)0);
            return end < 0 ? bytes : bytes[..end];
        }
    }
}

/// <summary>The kernel's PF_ flags (include/linux/sched.h) that matter here.</summary>
internal static class TaskFlag
{
    internal const uint Exiting = 0x4;
    internal const uint IoWorker = 0x10;
    internal const uint UserWorker = 0x4000;
    internal const uint KernelThread = 0x20_0000;
}

/// <summary>A return address that a uretprobe took the place of.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ReplacedReturn(ulong Slot, ulong Address);

/// <summary>An executable mapping of a process, as the iterator's program writes it.</summary>
[StructLayout(LayoutKind.Explicit, Size = Length)]
internal struct MappingRecord
{
    internal const int Length = 80;

    [FieldOffset(0)] internal ulong Memory;
    [FieldOffset(8)] internal uint MemorySequence;

    /// <summary>Whether a file is mapped.</summary>
    [FieldOffset(12)] internal uint HasFile;
    [FieldOffset(16)] internal ulong Start;
    [FieldOffset(24)] internal ulong End;
    [FieldOffset(32)] internal ulong PageOffset;
    [FieldOffset(40)] internal ulong Inode;
    [FieldOffset(48)] internal uint Device;
    [FieldOffset(52)] internal uint Generation;
    [FieldOffset(56)] internal ulong Changed;
    [FieldOffset(64)] internal uint ChangedNanoseconds;
    [FieldOffset(72)] internal ulong Size;

    /// <summary>In the highest bit of the nanoseconds the kernel notes that somebody has seen the time (I_CTIME_QUERIED, Linux 6.13): that changes nothing in the file.</summary>
    private const uint ChangedQueried = 1u << 31;

    /// <summary>The mapped file as it is.</summary>
    internal readonly FileVersion Version => new(new(Inode, Device), Generation, Changed, ChangedNanoseconds & ~ChangedQueried, Size);
}
