using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Walks a stack into a capture slot: the frame count first, then the frames. A uprobe's program can be preempted, and another hit can run on the same CPU meanwhile
/// (uprobe_multi runs programs with migration off, not preemption), so a CPU has several slots and a program claims one by an atomic bit.
/// </summary>
internal sealed class CaptureLowering
{
    private const int Slots = 4;
    private const int BusyBytes = sizeof(long);
    private const int UserStackFlag = 1 << 8; // BPF_F_USER_STACK

    private readonly LoweringContext _context;
    private readonly int _slotBytes;
    private int _base;
    private int _mask;
    private bool _claimed;

    internal CaptureLowering(LoweringContext context, IrProgram program)
    {
        _context = context;
        foreach (var capture in program.Statements.OfType<Capture>())
        {
            context.StackOffsets[capture.Stack] = _slotBytes;
            _slotBytes += sizeof(long) + FrameBytes;
        }
    }

    internal int ScratchBytes => _slotBytes == 0 ? 0 : BusyBytes + (Slots * _slotBytes);

    // The helper zeroes what it does not fill: no larger than the kernel can fill.
    private int FrameBytes => _context.Target.MaxStackFrames * sizeof(long);

    internal void Lower(Capture capture)
    {
        if (!_claimed)
            Claim();
        var asm = _context.Asm;
        var offset = _context.StackOffsets[capture.Stack];
        if (capture.Stack == StackKind.User)
        {
            asm.Mov(Register.R1, Register.R6);
        }
        else
        {
            // A uprobe's context holds user registers: the kernel's frames come from the task.
            asm.Call(HelperId.GetCurrentTaskBtf);
            asm.Mov(Register.R1, Register.R0);
        }
        asm.Mov(Register.R2, Register.R8);
        asm.Add(Register.R2, offset + sizeof(long));
        asm.Mov(Register.R3, FrameBytes);
        asm.Mov(Register.R4, capture.Stack == StackKind.User ? UserStackFlag : 0);
        asm.Call(capture.Stack == StackKind.User ? HelperId.GetStack : HelperId.GetTaskStack);

        var walked = asm.CreateLabel("walked");
        // A stack has a frame at least: nothing found is a failure too, and no depth of 0.
        asm.JumpIf(JumpOp.JSGE, Register.R0, sizeof(long), walked);
        _context.Increment(HealthCounter.StackErrors);
        asm.Jump(_context.Leave);
        asm.Place(walked);
        asm.Rsh(Register.R0, 3);
        asm.Store(MemorySize.DW, Register.R8, offset, Register.R0);
        asm.Note("frame count = bytes / 8");
        CountCompleteness(capture.Stack);
    }

    /// <summary>Places the release of the slot before the program's end.</summary>
    internal void Release()
    {
        if (!_claimed)
            return;
        var asm = _context.Asm;
        asm.Origin = "release the capture slot";
        asm.Place(_context.Leave);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, _base);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, _mask);
        asm.AtomicAnd(MemorySize.DW, Register.R1, 0, Register.R2);
    }

    private void Claim()
    {
        var asm = _context.Asm;
        _context.LoadResults();
        _context.LookupFirst(MapNames.Scratch);
        asm.Mov(Register.R8, Register.R0);
        _base = _context.Allocate(sizeof(long));
        _mask = _context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, _base, Register.R8);
        var claimed = asm.CreateLabel("claimed");
        for (var slot = 0; slot < Slots; slot++)
        {
            var taken = asm.CreateLabel($"slot {slot} taken");
            asm.Mov(Register.R1, 1 << slot);
            asm.AtomicOr(MemorySize.DW, Register.R8, 0, Register.R1, fetch: true);
            asm.Note($"claim slot {slot}");
            asm.JumpIf(JumpOp.JSET, Register.R1, 1 << slot, taken);
            asm.Store(MemorySize.DW, Register.R10, _mask, ~(1 << slot));
            asm.Add(Register.R8, BusyBytes + (slot * _slotBytes));
            asm.Jump(claimed);
            asm.Place(taken);
        }
        _context.Increment(HealthCounter.Busy);
        asm.Jump(_context.Exit);
        asm.Place(claimed);
        _context.Leave = asm.CreateLabel("release");
        _claimed = true;
    }

    /// <summary>
    /// The kernel's walk of user frames gives no proof that the outermost frame was reached, so it is never complete; its unwinder of kernel frames ends at the entry into the
    /// kernel, and is complete unless cut.
    /// </summary>
    private void CountCompleteness(StackKind stack)
    {
        var asm = _context.Asm;
        var uncut = asm.CreateLabel("uncut");
        var counted = asm.CreateLabel("counted");
        asm.JumpIf(JumpOp.JLT, Register.R0, _context.Target.MaxStackFrames, uncut);
        _context.Increment(HealthCounter.Truncated);
        asm.Jump(counted);
        asm.Place(uncut);
        _context.Increment(stack == StackKind.User ? HealthCounter.Broken : HealthCounter.Complete);
        asm.Place(counted);
    }
}
