using System.Buffers.Binary;
using StackDepth.Native.Btf;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>A mapping of a simulated process. Without a file it is anonymous, or the vDSO where the process says so.</summary>
internal sealed record SimulatedMapping(ulong Start, ulong End, ulong FileOffset = 0, ulong Inode = 0, uint Device = 0, bool HasFile = true, bool IsExecutable = true, bool GrowsDown = false);

/// <summary>What programs see of a thread: its id, when it began, its thread control block, and the alternate stack for signals that it has set.</summary>
internal sealed record SimulatedThread(int ThreadId, ulong Started, ulong ExecId, ulong ControlBlock, ulong SignalStack, ulong SignalStackSize, bool IsForked = false);

/// <summary>An entry of the kernel's list: the address of the slot on the stack, and the return address that was in it.</summary>
internal readonly record struct HijackedReturn(ulong Slot, ulong Real);

/// <summary>A process as programs see it: the registers of the thread that hit, its memory, its mappings, and the structs of the kernel in which the fields lie.</summary>
internal sealed class SimulatedProcess
{
    private const int Executable = 4; // VM_EXEC
    private const int GrowsDown = 0x100; // VM_GROWSDOWN
    private const int ForkedWithoutExec = 0x40; // PF_FORKNOEXEC
    private const int TaskBytes = 4608;
    private const int MemoryBytes = 1024;
    private const int SmallBytes = 128;

    private readonly VirtualMemory _kernel;
    private readonly KernelOffsets _offsets;
    private readonly Region _memory;
    private readonly Region _leader;
    private readonly Dictionary<SimulatedMapping, Region> _structures = [];
    private IReadOnlyList<SimulatedMapping> _mappings = [];

    internal SimulatedProcess(VirtualMemory kernel, KernelOffsets offsets, int pid, ulong started)
    {
        _kernel = kernel;
        _offsets = offsets;
        ProcessId = pid;
        Registers = kernel.Add("the registers", 168, written: false);
        Task = Struct("task_struct", TaskBytes);
        _leader = Struct("the leader's task_struct", TaskBytes);
        _memory = Struct("mm_struct", MemoryBytes);
        Put(Task, offsets.TaskMemory, _memory.Address);
        Put(Task, offsets.TaskLeader, _leader.Address);
        Put(Task, offsets.TaskProcessId, (ulong)pid, sizeof(int));
        Put(Task, offsets.TaskUprobes, 0);
        Put(_memory, offsets.MemoryTrampoline, 0);
        (Started, ExecId, Sequence, Vdso, StackStart) = (started, 1, 0, 0, 0);
    }

    internal int ProcessId { get; }

    internal Region Registers { get; }

    internal Region Task { get; }

    internal UserMemory Memory { get; } = new();

    /// <summary>How often the kernel will yet be too busy to look up a mapping.</summary>
    internal int BusyTries { get; set; }

    /// <summary>How often a mapping was looked up.</summary>
    internal int Lookups { get; set; }

    internal ulong Started
    {
        get => field;
        set => Put(_leader, _offsets.TaskStarted, field = value);
    }

    internal ulong ExecId { set => Put(Task, _offsets.TaskExecId, value); }

    /// <summary>Where the stack of the process's first thread begins, above all its frames; 0 where it is nowhere near the thread that hit.</summary>
    internal ulong StackStart { set => Put(_memory, _offsets.MemoryStackStart, value); }

    /// <summary>The sequence number of the mappings, as it lies in the struct.</summary>
    internal uint Sequence
    {
        get;
        set
        {
            field = value;
            if (_offsets.MemorySequence is { } offset)
                Put(_memory, offset, value, sizeof(uint));
        }
    }

    internal ulong Vdso
    {
        get;
        set
        {
            field = value;
            Put(_memory, _offsets.MemoryVdso, value);
        }
    }

    /// <summary>What the mappings are; to set them does not count as a change: see <see cref="Sequence"/>.</summary>
    internal IReadOnlyList<SimulatedMapping> Mappings
    {
        get => _mappings;
        set => _mappings = value;
    }

    internal (ulong Address, IReadOnlyList<HijackedReturn> Returns)? Hijacked { get; private set; }

    internal SimulatedMapping? Mapping(ulong address) => _mappings.FirstOrDefault(mapping => mapping.Start <= address && address < mapping.End);

    /// <summary>The thread that runs from now on.</summary>
    internal void SetThread(SimulatedThread thread)
    {
        Put(Task, _offsets.TaskThreadId, (ulong)thread.ThreadId, sizeof(int));
        Put(Task, _offsets.TaskStarted, thread.Started);
        Put(Task, _offsets.TaskExecId, thread.ExecId);
        Put(Task, _offsets.TaskFlags, thread.IsForked ? ForkedWithoutExec : 0UL, sizeof(int));
        Put(Task, _offsets.TaskControlBlock!.Value, thread.ControlBlock);
        Put(Task, _offsets.TaskSignalStack, thread.SignalStack);
        Put(Task, _offsets.TaskSignalStackSize, thread.SignalStackSize);
    }

    /// <summary>The registers of the thread: what is not named here cannot be read.</summary>
    internal void SetRegisters(ulong ip, ulong sp, ulong bp, ulong bx = 0, ulong r10 = 0, ulong r13 = 0)
    {
        Registers.Written.AsSpan().Clear();
        foreach (var (offset, value) in (ReadOnlySpan<(int, ulong)>)[(128, ip), (152, sp), (32, bp), (40, bx), (56, r10), (16, r13)])
            Put(Registers, offset, value);
    }

    /// <summary>Return addresses that uretprobes replaced by <paramref name="trampoline"/>, the newest first; the stack is not changed.</summary>
    internal void Hijack(ulong trampoline, IReadOnlyList<HijackedReturn> returns)
    {
        Hijacked = (trampoline, returns);
        var tasks = Struct("uprobe_task");
        var area = Struct("xol_area");
        Put(Task, _offsets.TaskUprobes, tasks.Address);
        Put(_memory, _offsets.MemoryTrampoline, area.Address);
        Put(area, _offsets.TrampolineAddress, trampoline);
        var next = 0UL;
        foreach (var (slot, real) in returns.Reverse())
        {
            var instance = Struct("return_instance");
            Put(instance, _offsets.ReturnStack, slot);
            Put(instance, _offsets.ReturnAddress, real);
            Put(instance, _offsets.ReturnNext, next);
            next = instance.Address;
        }
        Put(tasks, _offsets.ReturnInstances, next);
    }

    /// <summary>The vm_area_struct of a mapping.</summary>
    internal Region Structure(SimulatedMapping mapping)
    {
        if (_structures.TryGetValue(mapping, out var known))
            return known;
        var area = Struct("vm_area_struct");
        Put(area, _offsets.MappingStart, mapping.Start);
        Put(area, _offsets.MappingEnd, mapping.End);
        Put(area, _offsets.MappingMemory, _memory.Address);
        Put(area, _offsets.MappingFlags, 1 | (mapping.IsExecutable ? (ulong)Executable : 0) | (mapping.GrowsDown ? (ulong)GrowsDown : 0));
        Put(area, _offsets.MappingPageOffset, mapping.FileOffset >> 12);
        Put(area, _offsets.MappingFile, 0);
        if (mapping.HasFile)
        {
            var (file, inode, super) = (Struct("file"), Struct("inode"), Struct("super_block"));
            Put(area, _offsets.MappingFile, file.Address);
            Put(file, _offsets.FileInode, inode.Address);
            Put(inode, _offsets.InodeNumber, mapping.Inode);
            Put(inode, _offsets.InodeSuperBlock, super.Address);
            Put(super, _offsets.SuperBlockDevice, mapping.Device, sizeof(uint));
        }
        _structures.Add(mapping, area);
        return area;
    }

    private Region Struct(string name, int size = SmallBytes) => _kernel.Add(name, size, written: false, kernel: true);

    private static void Put(Region region, int offset, ulong value, int size = sizeof(ulong))
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(region.Bytes.AsSpan(offset));
        region.Written.AsSpan(offset, size).Fill(true);
    }
}
