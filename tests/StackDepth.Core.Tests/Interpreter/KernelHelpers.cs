using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>The helpers that StackDepth's programs call, each as one step, with the kernel's checks of their arguments.</summary>
internal sealed class KernelHelpers(ProgramRun run)
{
    private const int UserStackFlag = 1 << 8;
    private const int RingProducerPosition = 3;

    private const int LargestLoop = 1 << 23; // BPF_MAX_LOOPS
    private const ulong Fault = unchecked((ulong)-14);

    private readonly ulong _task = run.Hit.Process?.Task.Address ?? Task(run);

    private static SessionTarget Session => RandomQueries.InventedSession;

    /// <summary>A function of the kernel that is no helper: only those of sessions.</summary>
    internal void CallKfunc(int id)
    {
        if (run[Register.R1] != run.Context)
            throw new MachineException("R1 is not the context");
        var hit = run.Hit.Return ?? throw new MachineException("the program is not one of a session");
        var result = id == Session.Functions.IsReturn ? 0xab00 | (hit.IsEntry ? 0UL : 1UL) // of a bool, only the byte is defined
            : id == Session.Functions.Cookie ? run.Machine.SessionCookie!.Address
            : throw new MachineException($"the interpreter does not know kernel function {id}");
        run.ForgetArguments();
        run[Register.R0] = result;
    }

    private static ulong Task(ProgramRun run)
    {
        var memory = run.Machine.Memory;
        if (run.Hit.Return is not { } hit)
            return memory.Add("the current task", 0).Address;
        var uprobes = memory.Add("the task's uprobes", 8, kernel: true);
        BinaryPrimitives.WriteInt32LittleEndian(uprobes.Bytes.AsSpan(Session.Nesting!.Value.Depth), hit.Pending);
        var task = memory.Add("the current task", 16, kernel: true);
        BinaryPrimitives.WriteUInt64LittleEndian(task.Bytes.AsSpan(Session.Nesting.Value.TaskUprobes), uprobes.Address);
        return task.Address;
    }

    private SimulatedProcess Process => run.Hit.Process ?? throw new MachineException("the hit belongs to no simulated process");

    internal void Call(HelperId helper)
    {
        var result = helper switch
        {
            HelperId.GetCurrentPidTgid => ((ulong)(uint)run.Hit.Pid << 32) | (uint)run.Hit.Tid,
            HelperId.GetCurrentUidGid => ((ulong)run.Hit.Gid << 32) | run.Hit.Uid,
            HelperId.GetSmpProcessorId => (ulong)run.Hit.Cpu,
            HelperId.GetCurrentCgroupId => run.Hit.CgroupId,
            HelperId.GetCurrentComm => Comm(),
            HelperId.GetAttachCookie => run[Register.R1] == run.Context ? run.Hit.Cookie : throw new MachineException("R1 is not the context"),
            HelperId.KtimeGetBootNs => (ulong)run.Hit.Timestamp,
            HelperId.KtimeGetNs => (ulong)run.Hit.Timestamp,
            HelperId.GetCurrentTaskBtf => _task,
            HelperId.GetStack => Stack(run.Context, UserStackFlag, run.Hit.UserStack),
            HelperId.GetTaskStack => Stack(_task, 0, run.Hit.KernelStack),
            HelperId.ProbeReadKernel => ReadKernel(),
            HelperId.ProbeReadUser => ReadUser(),
            HelperId.ProbeReadUserStr => ReadText(emptyAnswer: 0), // as older kernels do; newer ones answer 1
            HelperId.ProbeReadKernelStr => ReadText(emptyAnswer: 1),
            HelperId.Loop => Loop(),
            HelperId.FindVma => FindMapping(),
            HelperId.MapLookupElem => Map().Find(Key(), run.Hit.Cpu),
            HelperId.MapUpdateElem => (ulong)(long)Map().Update(Key(), run.Read(run[Register.R3], Map().Spec.ValueSize), (long)run[Register.R4], run.Hit.Cpu),
            HelperId.MapDeleteElem => (ulong)(long)Map().Delete(Key()),
            HelperId.TaskStorageGet => TaskStorage(),
            HelperId.RingbufReserve => Reserve(),
            HelperId.RingbufSubmit => Submit(),
            HelperId.RingbufQuery => Query(),
            _ => throw new MachineException($"the interpreter does not know helper {helper}"),
        };
        run.ForgetArguments();
        if (helper == HelperId.GetCurrentTaskBtf)
            run.SetKernelPointer(Register.R0, result);
        else
            run[Register.R0] = result;
    }

    private ulong Comm()
    {
        run.Hit.Comm.CopyTo(run.Write(run[Register.R1], Expect(Register.R2, 16)));
        return 0;
    }

    private ulong Stack(ulong context, int flags, long result)
    {
        if (run[Register.R1] != context)
            throw new MachineException("R1 is not what the stack belongs to");
        Expect(Register.R4, flags);
        var buffer = run.Write(run[Register.R2], (int)run[Register.R3]);
        // What is not filled is zeroed, all of it when the walk fails.
        buffer.Clear();
        // A walk ends where the room does.
        result = long.Min(result, buffer.Length);
        if (result > 0)
        {
            for (var frame = 0; frame < result / 8; frame++)
                System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(buffer[(frame * 8)..], run.Hit.Frame((int)(result / 8) - 1 - frame));
        }
        return (ulong)result;
    }

    private ulong ReadKernel()
    {
        var target = run.Write(run[Register.R1], (int)run[Register.R2]);
        if (VirtualMemory.IsNull(run[Register.R3]))
        {
            // What could not be read is zeroed.
            target.Clear();
            return Fault;
        }
        // A program's own memory is memory of the kernel, too.
        var isKernels = run.Machine.Memory.Find(run[Register.R3], target.Length).Region.Kernel;
        run.Read(run[Register.R3], target.Length, isKernels).CopyTo(target);
        return 0;
    }

    private ulong ReadUser()
    {
        var target = run.Write(run[Register.R1], (int)run[Register.R2]);
        target.Clear();
        return Process.Memory.Read(run[Register.R3], target) ? 0 : Fault;
    }

    private ulong ReadText(ulong emptyAnswer)
    {
        var target = run.Write(run[Register.R1], (int)run[Register.R2]);
        if (!run.Hit.Texts.TryGetValue((long)run[Register.R3], out var text))
        {
            target.Clear();
            return Fault;
        }
        var taken = int.Min(text.Length, target.Length - 1);
        text.AsSpan(0, taken).CopyTo(target);
        target[taken] = 0;
        return taken == 0 ? emptyAnswer : (ulong)taken + 1;
    }

    private ulong Loop()
    {
        var (rounds, function, context) = (run[Register.R1], run[Register.R2], run[Register.R3]);
        Expect(Register.R4, 0);
        if (rounds > LargestLoop)
            return unchecked((ulong)-7); // E2BIG
        for (var round = 0UL; round < rounds; round++)
        {
            run.Machine.LoopCalls++;
            if (run.Invoke(function, [(round, false), (context, false)]) != 0)
                return round + 1;
        }
        return rounds;
    }

    private ulong FindMapping()
    {
        var (address, function, context) = (run[Register.R2], run[Register.R3], run[Register.R4]);
        if (!run.IsKernelPointer(Register.R1) || run[Register.R1] != _task)
            throw new MachineException("R1 is not the task");
        Expect(Register.R5, 0);
        Process.Lookups++;
        if (Process.BusyTries > 0)
        {
            Process.BusyTries--;
            return unchecked((ulong)-16); // EBUSY
        }
        if (Process.Mapping(address) is not { } mapping)
            return unchecked((ulong)-2); // ENOENT
        run.Invoke(function, [(_task, true), (Process.Structure(mapping).Address, true), (context, false)]);
        return 0;
    }

    /// <summary>A thread's value. There is one task for all threads here, so they are told apart by the id; it is not given again.</summary>
    private ulong TaskStorage()
    {
        if (!run.IsKernelPointer(Register.R2) || run[Register.R2] != _task)
            throw new MachineException("R2 is not the task");
        var map = Map();
        if (map.Spec.Type != MapType.TaskStorage)
            throw new MachineException($"{map.Spec.Name} is no storage of tasks");
        var key = BitConverter.GetBytes(run.Hit.Tid);
        if (map.Lookup(key, 0) is null && run[Register.R4] == 1 && !map.IsFull)
        {
            ReadOnlySpan<byte> initial = VirtualMemory.IsNull(run[Register.R3]) ? new byte[map.Spec.ValueSize] : run.Read(run[Register.R3], map.Spec.ValueSize);
            map.Update(key, initial, 1, 0);
        }
        return map.Find(key, 0);
    }

    private KernelMap Map() => run.Machine.MapByHandle(run[Register.R1]);

    private ReadOnlySpan<byte> Key() => run.Read(run[Register.R2], Map().Spec.KeySize);

    private ulong Reserve()
    {
        var ring = run.Machine.RingByHandle(run[Register.R1]);
        Expect(Register.R3, 0);
        return ring.Reserve((int)run[Register.R2]);
    }

    private ulong Submit()
    {
        run.Machine.RingOf(run[Register.R1]).Submit(run[Register.R1], (long)run[Register.R2]);
        return 0;
    }

    private ulong Query()
    {
        Expect(Register.R2, RingProducerPosition);
        return (ulong)run.Machine.RingByHandle(run[Register.R1]).Position;
    }

    private int Expect(Register register, int value) => (int)Expect(register, (ulong)value);

    private ulong Expect(Register register, ulong value) =>
        run[register] == value ? value : throw new MachineException($"{register} is 0x{run[register]:x} and should be 0x{value:x}");
}
