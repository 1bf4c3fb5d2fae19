using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>Crosses the frame that the kernel puts on a stack for a signal.</summary>
internal static class SignalFrames
{
    /// <summary>The most that a walk crosses: their stacks need not ascend, so they could lead in a circle.</summary>
    internal const int Most = 16_384;

    // ucontext.uc_mcontext.gregs, in the order of REG_R8 to REG_RIP (sys/ucontext.h).
    private const int RegistersInSignalFrame = 40;
    private const int RegistersBytes = 17 * sizeof(long);
    private const int SignalR10 = WalkMemory.SignalRegisters + (2 * sizeof(long));
    private const int SignalR13 = WalkMemory.SignalRegisters + (5 * sizeof(long));
    private const int SignalBp = WalkMemory.SignalRegisters + (10 * sizeof(long));
    private const int SignalBx = WalkMemory.SignalRegisters + (11 * sizeof(long));
    private const int SignalSp = WalkMemory.SignalRegisters + (15 * sizeof(long));
    private const int SignalIp = WalkMemory.SignalRegisters + (16 * sizeof(long));

    /// <summary>A frame that the kernel put there for a signal: the interrupted registers lie in it. The interrupted stack can be another one.</summary>
    internal static void Cross(WalkCode code)
    {
        var asm = code.Asm;
        var few = asm.CreateLabel("few signals");
        var read = asm.CreateLabel("registers read");
        var below = asm.CreateLabel("below the limit of frames");
        asm.Origin = "a signal frame";
        code.Load(Register.R1, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JLT, Register.R1, code.Target.MaxFrames, below);
        code.End(StackReason.FrameLimit);
        asm.Place(below);
        code.Load(Register.R1, WalkMemory.Signals);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.Signals, Register.R1);
        asm.JumpIf(JumpOp.JLE, Register.R1, Most, few);
        code.End(StackReason.SignalLimit);
        asm.Place(few);
        asm.Mov(Register.R1, Register.R6);
        asm.Add(Register.R1, WalkMemory.SignalRegisters);
        asm.Mov(Register.R3, Register.R2);
        asm.Add(Register.R3, RegistersInSignalFrame);
        asm.Mov(Register.R2, RegistersBytes);
        asm.Call(HelperId.ProbeReadUser);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, read);
        code.End(StackReason.ReadFailed);
        asm.Place(read);
        code.Copy(SignalBp, WalkMemory.Bp, Register.R1);
        code.Copy(SignalSp, WalkMemory.Sp, Register.R1);
        code.Copy(SignalIp, WalkMemory.Ip, Register.R1);
        code.Copy(SignalBx, WalkMemory.Bx, Register.R1);
        code.Copy(SignalR10, WalkMemory.R10, Register.R1);
        code.Copy(SignalR13, WalkMemory.R13, Register.R1);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.Exact, 1);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.Depth, Register.R1);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }
}
