using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// A program that runs at entries and returns alike (a session: Linux 6.13 for uprobes, 6.10 for kprobes). What it answers at an entry tells the kernel whether it wants the return: 0 that it
/// does, 1 that it does not; then the return address of the call is left alone, too (kernel commit 4d756095d399). At a return the answer does not matter.
/// </summary>
internal sealed class SessionLowering
{
    private readonly LoweringContext _context;
    private readonly SessionTarget _target;
    private readonly Label _ignore;

    /// <summary>From here on, what leaves the program does without the return.</summary>
    internal SessionLowering(LoweringContext context)
    {
        _context = context;
        _target = Target(context);
        _ignore = context.Asm.CreateLabel("without the return");
        context.Leave = _ignore;
    }

    /// <summary>What the program is loaded for.</summary>
    internal static AttachType AttachTypeOf(IrProbe probe) => probe is IrKernelReturnProbe ? AttachType.TraceKprobeSession : AttachType.TraceUprobeSession;

    internal void Lower(AtEntry entry)
    {
        var asm = _context.Asm;
        var atReturn = asm.CreateLabel("at the return");
        Call(_context, _target.Functions.IsReturn);
        // A bool has one byte of the register.
        asm.JumpIf(JumpOp.JSET, Register.R0, 1, atReturn);
        var lost = asm.CreateLabel("the return will be lost");
        _target.Nesting?.EmitJumpIfLost(asm, lost);
        if (entry.TakesTime)
        {
            asm.Call(HelperId.KtimeGetNs);
            asm.Mov(Register.R9, Register.R0);
            Call(_context, _target.Functions.Cookie);
            asm.Store(MemorySize.DW, Register.R0, 0, Register.R9);
        }
        asm.Mov(Register.R0, 0);
        asm.Exit();
        if (_target.Nesting is not null)
        {
            asm.Place(lost);
            CountLost();
        }
        asm.Place(_ignore);
        asm.Mov(Register.R0, 1);
        asm.Exit();
        asm.Place(atReturn);
        _context.Leave = _context.Exit;
    }

    /// <summary>R0 = the nanoseconds since the entry of the activation that returns.</summary>
    internal static void Elapsed(LoweringContext context)
    {
        var asm = context.Asm;
        asm.Call(HelperId.KtimeGetNs);
        asm.Mov(Register.R9, Register.R0);
        Call(context, Target(context).Functions.Cookie);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        asm.Mov(Register.R0, Register.R9);
        asm.Sub(Register.R0, Register.R1);
    }

    /// <summary>On a path of its own: what it loads, the program has not loaded.</summary>
    private void CountLost()
    {
        var asm = _context.Asm;
        var key = _context.Allocate(sizeof(int));
        asm.Store(MemorySize.W, Register.R10, key, 0);
        asm.LoadMap(Register.R1, MapNames.Results);
        _context.AddressOfFrame(Register.R2, key);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, _ignore);
        asm.Mov(Register.R1, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R0, ResultLayout.Offset(HealthCounter.Busy), Register.R1);
        asm.Note("a hit that is missed");
    }

    // Later kernels than 6.19 want the context as argument; to those before, it is nothing.
    private static void Call(LoweringContext context, int function)
    {
        context.Asm.Mov(Register.R1, Register.R6);
        context.Asm.CallKfunc(function);
    }

    private static SessionTarget Target(LoweringContext context) =>
        context.Target.Session ?? throw new InvalidOperationException("The time of an activation needs a program at its entry, and the target of the compilation has none.");
}
