using System.Runtime.InteropServices;

namespace StackDepth.Native.Sys;

// The members of the kernel's `union bpf_attr`, one struct per command, named and laid out as in include/uapi/linux/bpf.h. The kernel accepts an attribute longer
// than the one it knows as long as the rest is zero, so each struct states its newest size and works on older kernels.
// Pointers are ulong: the kernel's are 64 bits wide on every machine.

/// <summary>BPF_MAP_CREATE.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal unsafe struct MapCreateAttribute
{
    [FieldOffset(0)] internal uint MapType;
    [FieldOffset(4)] internal uint KeySize;
    [FieldOffset(8)] internal uint ValueSize;
    [FieldOffset(12)] internal uint MaxEntries;
    [FieldOffset(16)] internal uint MapFlags;
    [FieldOffset(20)] internal uint InnerMapFd;
    [FieldOffset(24)] internal uint NumaNode;
    [FieldOffset(28)] internal fixed byte MapName[16];
    [FieldOffset(48)] internal uint BtfFd;
    [FieldOffset(52)] internal uint BtfKeyTypeId;
    [FieldOffset(56)] internal uint BtfValueTypeId;
}

/// <summary>BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct MapElementAttribute
{
    [FieldOffset(0)] internal uint MapFd;
    [FieldOffset(8)] internal ulong Key;
    [FieldOffset(16)] internal ulong ValueOrNextKey;
    [FieldOffset(24)] internal ulong Flags;
}

/// <summary>BPF_MAP_LOOKUP_BATCH and BPF_MAP_UPDATE_BATCH.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
internal struct MapBatchAttribute
{
    [FieldOffset(0)] internal ulong InBatch;
    [FieldOffset(8)] internal ulong OutBatch;
    [FieldOffset(16)] internal ulong Keys;
    [FieldOffset(24)] internal ulong Values;
    [FieldOffset(32)] internal uint Count;
    [FieldOffset(36)] internal uint MapFd;
    [FieldOffset(40)] internal ulong ElementFlags;
    [FieldOffset(48)] internal ulong Flags;
}

/// <summary>BPF_PROG_LOAD.</summary>
[StructLayout(LayoutKind.Explicit, Size = 144)]
internal unsafe struct ProgramLoadAttribute
{
    [FieldOffset(0)] internal uint ProgramType;
    [FieldOffset(4)] internal uint InstructionCount;
    [FieldOffset(8)] internal ulong Instructions;
    [FieldOffset(16)] internal ulong License;
    [FieldOffset(24)] internal uint LogLevel;
    [FieldOffset(28)] internal uint LogSize;
    [FieldOffset(32)] internal ulong LogBuffer;
    [FieldOffset(44)] internal uint ProgramFlags;
    [FieldOffset(48)] internal fixed byte ProgramName[16];
    [FieldOffset(68)] internal uint ExpectedAttachType;
    [FieldOffset(72)] internal uint ProgramBtfFd;
    [FieldOffset(76)] internal uint FunctionInfoRecordSize;
    [FieldOffset(80)] internal ulong FunctionInfo;
    [FieldOffset(88)] internal uint FunctionInfoCount;
    [FieldOffset(92)] internal uint LineInfoRecordSize;
    [FieldOffset(96)] internal ulong LineInfo;
    [FieldOffset(104)] internal uint LineInfoCount;
    [FieldOffset(108)] internal uint AttachBtfId;
    [FieldOffset(112)] internal uint AttachProgramOrBtfFd;

    /// <summary>Since 6.4 the kernel writes here how long the whole log would have been, in bytes.</summary>
    [FieldOffset(140)] internal uint LogTrueSize;
}

/// <summary>BPF_BTF_LOAD.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct BtfLoadAttribute
{
    [FieldOffset(0)] internal ulong Btf;
    [FieldOffset(8)] internal ulong LogBuffer;
    [FieldOffset(16)] internal uint BtfSize;
    [FieldOffset(20)] internal uint LogSize;
    [FieldOffset(24)] internal uint LogLevel;
}

/// <summary>BPF_OBJ_GET_INFO_BY_FD.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct ObjectInfoAttribute
{
    [FieldOffset(0)] internal uint BpfFd;
    [FieldOffset(4)] internal uint InfoLength;
    [FieldOffset(8)] internal ulong Info;
}

/// <summary>BPF_PROG_TEST_RUN.</summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
internal struct ProgramRunAttribute
{
    [FieldOffset(0)] internal uint ProgramFd;
    [FieldOffset(4)] internal uint ReturnValue;
    [FieldOffset(40)] internal uint ContextSizeIn;
    [FieldOffset(48)] internal ulong ContextIn;
}

/// <summary>BPF_RAW_TRACEPOINT_OPEN.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct RawTracepointAttribute
{
    [FieldOffset(0)] internal ulong Name;
    [FieldOffset(8)] internal uint ProgramFd;
}

/// <summary>BPF_ITER_CREATE.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct IteratorCreateAttribute
{
    [FieldOffset(0)] internal uint LinkFd;
    [FieldOffset(4)] internal uint Flags;
}

/// <summary>BPF_ENABLE_STATS.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4)]
internal struct EnableStatsAttribute
{
    [FieldOffset(0)] internal uint Type;
}

/// <summary>One record of func_info: a function's first instruction, in slots, and the BTF type (a FUNC) that describes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FunctionInfoRecord
{
    internal uint InstructionOffset;
    internal uint TypeId;
}

/// <summary><c>struct bpf_prog_info</c>, which the kernel fills as far as it knows it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 232)]
internal unsafe struct ProgramInfoRecord
{
    [FieldOffset(0)] internal uint Type;
    [FieldOffset(4)] internal uint Id;
    [FieldOffset(8)] internal fixed byte Tag[8];
    [FieldOffset(16)] internal uint JitedLength;
    [FieldOffset(20)] internal uint TranslatedLength;
    [FieldOffset(40)] internal ulong LoadTime;
    [FieldOffset(64)] internal fixed byte Name[16];
    [FieldOffset(192)] internal ulong RunTimeNanoseconds;
    [FieldOffset(200)] internal ulong RunCount;
    [FieldOffset(208)] internal ulong RecursionMisses;
    [FieldOffset(216)] internal uint VerifiedInstructions;
}
