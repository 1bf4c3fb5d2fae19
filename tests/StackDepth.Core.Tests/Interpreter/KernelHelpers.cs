using StackDepth.Native.Asm;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>The helpers that StackDepth's programs call, each as one step, with the kernel's checks of their arguments.</summary>
internal sealed class KernelHelpers(ProgramRun run)
{
    private const int UserStackFlag = 1 << 8;
    private const int RingProducerPosition = 3;

    private readonly ulong _task = run.Machine.Memory.Add("the current task", 0).Address;

    private KernelRing Ring => run.Machine.Ring ?? throw new MachineException("there is no ring buffer");

    internal void Call(HelperId helper)
    {
        var result = helper switch
        {
            HelperId.GetCurrentPidTgid => ((ulong)(uint)run.Hit.Pid << 32) | (uint)run.Hit.Tid,
            HelperId.GetCurrentComm => Comm(),
            HelperId.GetAttachCookie => run[Register.R1] == run.Context ? run.Hit.Cookie : throw new MachineException("R1 is not the context"),
            HelperId.KtimeGetNs => (ulong)run.Hit.Timestamp,
            HelperId.GetCurrentTaskBtf => _task,
            HelperId.GetStack => Stack(run.Context, UserStackFlag, run.Hit.UserStack),
            HelperId.GetTaskStack => Stack(_task, 0, run.Hit.KernelStack),
            HelperId.ProbeReadKernel => ProbeRead(),
            HelperId.MapLookupElem => Map().Lookup(Key(), run.Hit.Cpu)?.Address ?? 0,
            HelperId.MapUpdateElem => (ulong)(long)Map().Update(Key(), run.Read(run[Register.R3], Map().Spec.ValueSize), (long)run[Register.R4], run.Hit.Cpu),
            HelperId.MapDeleteElem => (ulong)(long)Map().Delete(Key()),
            HelperId.RingbufReserve => Reserve(),
            HelperId.RingbufSubmit => Submit(),
            HelperId.RingbufQuery => Query(),
            _ => throw new MachineException($"the interpreter does not know helper {helper}"),
        };
        run.ForgetArguments();
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
        if (result > buffer.Length)
            throw new MachineException($"{result} bytes of frames do not fit {buffer.Length}");
        if (result > 0)
            buffer[..(int)result].Fill(0xee);
        return (ulong)result;
    }

    private ulong ProbeRead()
    {
        run.Read(run[Register.R3], (int)run[Register.R2]).CopyTo(run.Write(run[Register.R1], (int)run[Register.R2]));
        return 0;
    }

    private KernelMap Map() => run.Machine.MapByHandle(run[Register.R1]);

    private ReadOnlySpan<byte> Key() => run.Read(run[Register.R2], Map().Spec.KeySize);

    private ulong Reserve()
    {
        Expect(Register.R1, Ring.Handle);
        Expect(Register.R3, 0);
        return Ring.Reserve((int)run[Register.R2]);
    }

    private ulong Submit()
    {
        Ring.Submit(run[Register.R1], (long)run[Register.R2]);
        return 0;
    }

    private ulong Query()
    {
        Expect(Register.R1, Ring.Handle);
        Expect(Register.R2, RingProducerPosition);
        return (ulong)Ring.Position;
    }

    private int Expect(Register register, int value) => (int)Expect(register, (ulong)value);

    private ulong Expect(Register register, ulong value) =>
        run[register] == value ? value : throw new MachineException($"{register} is 0x{run[register]:x} and should be 0x{value:x}");
}
