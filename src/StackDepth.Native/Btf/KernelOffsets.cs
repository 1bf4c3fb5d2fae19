namespace StackDepth.Native.Btf;

/// <summary>Where the fields of the kernel's structs are that our programs read: offsets in bytes, from the kernel's own description.</summary>
internal sealed record KernelOffsets
{
    // struct rlimit of RLIMIT_STACK in signal_struct.rlim (include/uapi/asm-generic/resource.h).
    private const int StackLimit = 3;
    private const int LimitBytes = 16;

    public required int TaskMemory { get; init; }

    public required int TaskProcessId { get; init; }

    public required int TaskLeader { get; init; }

    public required int TaskStarted { get; init; }

    public required int TaskExecId { get; init; }

    public required int TaskSignal { get; init; }

    public required int SignalLive { get; init; }

    public required int TaskUprobes { get; init; }

    public required int ReturnInstances { get; init; }

    public required int ReturnAddress { get; init; }

    public required int ReturnNext { get; init; }

    /// <summary>The address of the slot in which the return address was.</summary>
    public required int ReturnStack { get; init; }

    /// <summary>The sequence number that counts the changes of a process's mappings; null where the kernel has none (before 6.4, or without per-VMA locks).</summary>
    public required int? MemorySequence { get; init; }

    /// <summary>The task that owns a process's memory; null where the kernel does not say (without CONFIG_MEMCG).</summary>
    public int? MemoryOwner { get; init; }

    public required int MemoryVdso { get; init; }

    public required int MemoryStackStart { get; init; }

    public required int MemoryTrampoline { get; init; }

    public required int TrampolineAddress { get; init; }

    public required int MappingStart { get; init; }

    public required int MappingEnd { get; init; }

    public required int MappingFlags { get; init; }

    public required int MappingPageOffset { get; init; }

    public required int MappingFile { get; init; }

    public required int MappingMemory { get; init; }

    public required int FileInode { get; init; }

    public required int InodeNumber { get; init; }

    public required int InodeSuperBlock { get; init; }

    public required int SuperBlockDevice { get; init; }

    /// <summary>What tells a thread and its process to a program in user space; null where the kernel does not say it all.</summary>
    public IdentityOffsets? Identity { get; init; }

    /// <summary>The thread's id in the initial namespace.</summary>
    public required int TaskThreadId { get; init; }

    public required int TaskFlags { get; init; }

    /// <summary>The alternate stack for signals.</summary>
    public required int TaskSignalStack { get; init; }

    public required int TaskSignalStackSize { get; init; }

    /// <summary>The base of the fs segment, where a thread's control block is; null on other machines than x86-64.</summary>
    public int? TaskControlBlock { get; init; }

    /// <summary>The soft limit of the stack's size.</summary>
    public required int SignalStackLimit { get; init; }

    /// <exception cref="InvalidDataException">The kernel's description lacks a field.</exception>
    internal static KernelOffsets Read(VmlinuxBtf btf)
    {
        var structs = btf.FindStructs(["task_struct", "signal_struct", "uprobe_task", "return_instance", "mm_struct", "xol_area", "vm_area_struct", "file", "inode", "super_block", "pid"]);
        return new()
        {
            TaskMemory = Field("task_struct", "mm"),
            TaskProcessId = Field("task_struct", "tgid"),
            TaskLeader = Field("task_struct", "group_leader"),
            TaskStarted = Field("task_struct", "start_boottime"),
            TaskExecId = Field("task_struct", "self_exec_id"),
            TaskSignal = Field("task_struct", "signal"),
            SignalLive = Field("signal_struct", "live"),
            TaskUprobes = Field("task_struct", "utask"),
            ReturnInstances = Field("uprobe_task", "return_instances"),
            ReturnAddress = Field("return_instance", "orig_ret_vaddr"),
            ReturnNext = Field("return_instance", "next"),
            ReturnStack = Field("return_instance", "stack"),
            MemorySequence = Optional("mm_struct", "mm_lock_seq"),
            MemoryStackStart = Field("mm_struct", "start_stack"),
            MemoryOwner = Optional("mm_struct", "owner"),
            MemoryVdso = Field("mm_struct", "context.vdso"),
            MemoryTrampoline = Field("mm_struct", "uprobes_state.xol_area"),
            TrampolineAddress = Field("xol_area", "vaddr"),
            MappingStart = Field("vm_area_struct", "vm_start"),
            MappingEnd = Field("vm_area_struct", "vm_end"),
            MappingFlags = Field("vm_area_struct", "vm_flags"),
            MappingPageOffset = Field("vm_area_struct", "vm_pgoff"),
            MappingFile = Field("vm_area_struct", "vm_file"),
            MappingMemory = Field("vm_area_struct", "vm_mm"),
            FileInode = Field("file", "f_inode"),
            InodeNumber = Field("inode", "i_ino"),
            InodeSuperBlock = Field("inode", "i_sb"),
            SuperBlockDevice = Field("super_block", "s_dev"),
            Identity = Optional("task_struct", "thread.fsbase") is { } fsBase && Optional("task_struct", "real_parent") is { } parent && Optional("task_struct", "thread_pid") is { } threadPid
                && Optional("pid", "level") is { } level && Optional("pid", "numbers") is { } numbers && Optional("mm_struct", "start_code") is { } startCode
                ? new(fsBase, parent, threadPid, level, numbers, startCode)
                : null,
            TaskThreadId = Field("task_struct", "pid"),
            TaskFlags = Field("task_struct", "flags"),
            TaskSignalStack = Field("task_struct", "sas_ss_sp"),
            TaskSignalStackSize = Field("task_struct", "sas_ss_size"),
            TaskControlBlock = Optional("task_struct", "thread.fsbase"),
            SignalStackLimit = Field("signal_struct", "rlim") + (StackLimit * LimitBytes),
        };

        int? Optional(string name, string field) =>
            structs.TryGetValue(name, out var type) && btf.TryGetFieldOffset(type, field, out var offset) ? offset : null;

        int Field(string name, string field) => Optional(name, field)
            ?? throw new InvalidDataException($"The kernel's description of its types ({VmlinuxBtf.DefaultPath}) has no field {name}.{field}.");
    }
}

/// <summary>Fields of the kernel's structs by which a thread and its process are known in user space.</summary>
/// <param name="TaskFsBase">The base of the thread's own memory (x86-64): what <c>pthread_self(3)</c> answers.</param>
/// <param name="TaskParent">The task that made the process.</param>
/// <param name="TaskThreadPid">The thread's numbers in its pid namespaces.</param>
/// <param name="PidLevel">In these: how many namespaces lie above its own.</param>
/// <param name="PidNumbers">In these: a number of 32 bits for each namespace, from the first one to its own, 16 bytes apart.</param>
/// <param name="MemoryStartCode">Where the code of the program begins that the process was made for.</param>
internal sealed record IdentityOffsets(int TaskFsBase, int TaskParent, int TaskThreadPid, int PidLevel, int PidNumbers, int MemoryStartCode);
