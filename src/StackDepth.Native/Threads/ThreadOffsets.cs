using StackDepth.Native.Btf;

namespace StackDepth.Native.Threads;

/// <summary>What the iterators over threads and their mappings read of the kernel, beside what the walks read: offsets in bytes, and the functions to attach to.</summary>
internal sealed record ThreadOffsets
{
    /// <summary>The BTF id of <c>bpf_iter_task</c> (Linux 5.8).</summary>
    public required int TaskIterator { get; init; }

    /// <summary>The BTF id of <c>bpf_iter_task_vma</c> (Linux 5.12).</summary>
    public required int MappingIterator { get; init; }

    public required int TaskFlags { get; init; }

    public required int TaskComm { get; init; }

    /// <summary>Not 0 from when a CPU begins to switch to the task until one has switched away from it.</summary>
    public required int TaskOnCpu { get; init; }

    public required int TaskVoluntarySwitches { get; init; }

    public required int TaskInvoluntarySwitches { get; init; }

    public required int TaskAlternateStack { get; init; }

    public required int TaskAlternateSize { get; init; }

    /// <summary>The task's <c>struct pid</c>, which has a number for each pid namespace that the task is in.</summary>
    public required int TaskPid { get; init; }

    public required int PidLevel { get; init; }

    public required int PidNumbers { get; init; }

    public required int InodeSize { get; init; }

    public required int InodeGeneration { get; init; }

    /// <summary>The seconds of the inode's last change; the nanoseconds are elsewhere.</summary>
    public required int InodeChanged { get; init; }

    public required int InodeChangedNanoseconds { get; init; }

    /// <exception cref="InvalidDataException">The kernel's description lacks a field or a function.</exception>
    internal static ThreadOffsets Read(VmlinuxBtf btf)
    {
        var structs = btf.FindStructs(["task_struct", "pid", "inode"]);
        // Linux 6.11 keeps the two parts of a time apart; before, it was a timespec64, since 6.6 under another name.
        var seconds = Optional("inode", "i_ctime_sec") ?? Optional("inode", "__i_ctime") ?? Field("inode", "i_ctime");
        return new()
        {
            TaskIterator = Function("bpf_iter_task"),
            MappingIterator = Function("bpf_iter_task_vma"),
            TaskFlags = Field("task_struct", "flags"),
            TaskComm = Field("task_struct", "comm"),
            TaskOnCpu = Field("task_struct", "on_cpu"),
            TaskVoluntarySwitches = Field("task_struct", "nvcsw"),
            TaskInvoluntarySwitches = Field("task_struct", "nivcsw"),
            TaskAlternateStack = Field("task_struct", "sas_ss_sp"),
            TaskAlternateSize = Field("task_struct", "sas_ss_size"),
            TaskPid = Field("task_struct", "thread_pid"),
            PidLevel = Field("pid", "level"),
            PidNumbers = Field("pid", "numbers"),
            InodeSize = Field("inode", "i_size"),
            InodeGeneration = Field("inode", "i_generation"),
            InodeChanged = seconds,
            InodeChangedNanoseconds = Optional("inode", "i_ctime_nsec") ?? seconds + sizeof(long),
        };

        int? Optional(string name, string field) => structs.TryGetValue(name, out var type) && btf.TryGetFieldOffset(type, field, out var offset) ? offset : null;

        int Field(string name, string field) => Optional(name, field)
            ?? throw new InvalidDataException($"The kernel's description of its types ({VmlinuxBtf.DefaultPath}) has no field {name}.{field}.");

        int Function(string name) => btf.FindFunction(name)
            ?? throw new InvalidDataException($"The kernel's description of its types ({VmlinuxBtf.DefaultPath}) has no function {name}.");
    }
}
