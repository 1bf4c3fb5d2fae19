using StackDepth.Compile.Lowering.Activations;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Walks stacks into a capture slot, each behind its <see cref="StackHeader"/>. A uprobe's program can be preempted, and another hit can run on the same CPU meanwhile
/// (uprobe_multi runs programs with migration off, not preemption), so a CPU has several slots and a program claims one by an atomic bit.
/// </summary>
internal sealed class CaptureLowering
{
    internal const int Slots = 4;
    private const int BusyBytes = sizeof(long);
    private const int Completenesses = 4; // a power of two

    private readonly LoweringContext _context;
    private readonly int _slotBytes;
    private readonly bool _needsMemory;
    private int _base;
    private int _mask;
    private bool _claimed;

    internal CaptureLowering(LoweringContext context, IrProgram program)
    {
        _context = context;
        foreach (var capture in program.Statements.OfType<Capture>())
        {
            context.StackOffsets[capture.Stack] = _slotBytes;
            if (capture.Stack.Frames is not null)
                context.StackNumbers[capture.Stack] = _slotBytes + StackHeader.Bytes + WalkLowering.WalkBytes(capture, context);
            _needsMemory |= WalkLowering.NeedsMemory(capture, context.Target);
            _slotBytes += StackHeader.Bytes + WalkLowering.StateBytes(capture, context);
        }
    }

    internal int ScratchBytes => _slotBytes == 0 ? 0 : BusyBytes + (Slots * _slotBytes);

    internal void Lower(Capture capture)
    {
        var asm = _context.Asm;
        var recursion = capture.Stack.Kind == StackKind.Recursion ? FindRecord() : null;
        if (!_claimed)
            Claim(recursion);
        if (capture.OnDemand)
            return;
        var stack = _context.StackOffsets[capture.Stack];
        var counted = asm.CreateLabel("counted");
        if (recursion is not null)
        {
            recursion.Enter(stack);
            CountCompleteness(stack, counted);
            asm.Place(counted);
            return;
        }
        var failed = asm.CreateLabel("failed");
        WalkLowering.Lower(_context, capture, stack, failed);
        // Who asks for so many frames has them all: that there are more is no loss.
        CountCompleteness(stack, counted, cutIsWhole: capture.Stack.Frames?.Take is not null);
        asm.Place(failed);
        _context.Increment(HealthCounter.StackErrors);
        asm.Jump(_context.Leave);
        asm.Place(counted);
        if (capture.Stack.Frames is null)
            return;
        var lost = asm.CreateLabel("no room for the stack");
        var numbered = asm.CreateLabel("numbered");
        FramesLowering.Lower(_context, capture, lost);
        asm.Jump(numbered);
        asm.Place(lost);
        _context.Increment(HealthCounter.KeysLost);
        asm.Jump(_context.Leave);
        asm.Place(numbered);
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

    /// <summary>Finds the record of a recursion before a slot is claimed: where there is none, the record must know that it misses an activation.</summary>
    private RecursionLowering FindRecord()
    {
        var asm = _context.Asm;
        var failed = asm.CreateLabel("failed");
        var found = asm.CreateLabel("record found");
        _context.LoadResults();
        var recursion = RecursionLowering.Begin(_context, failed);
        asm.Jump(found);
        asm.Place(failed);
        _context.Increment(HealthCounter.StackErrors);
        asm.Jump(_context.Exit);
        asm.Place(found);
        return recursion;
    }

    private void Claim(RecursionLowering? recursion)
    {
        var asm = _context.Asm;
        _context.LoadResults();
        _context.LookupFirst(MapNames.Scratch);
        asm.Mov(Register.R8, Register.R0);
        _base = _context.Allocate(sizeof(long));
        _mask = _context.Allocate(sizeof(long));
        if (_needsMemory)
            _context.SlotNumber = _context.Allocate(sizeof(int));
        asm.Store(MemorySize.DW, Register.R10, _base, Register.R8);
        var claimed = asm.CreateLabel("claimed");
        for (var slot = 0; slot < Slots; slot++)
        {
            var taken = asm.CreateLabel($"slot {slot} taken");
            asm.Mov(Register.R1, 1 << slot);
            asm.AtomicOr(MemorySize.DW, Register.R8, 0, Register.R1, fetch: true);
            asm.Note($"claim slot {slot}");
            asm.JumpIf(JumpOp.JSET, Register.R1, 1 << slot, taken);
            // The number of the slot, by way of bits that are 0 and that the verifier does not know: else it would verify all that follows once for each slot.
            asm.Rsh(Register.R1, 62);
            asm.Add(Register.R1, slot);
            asm.And(Register.R1, Slots - 1);
            asm.Jump(claimed);
            asm.Place(taken);
        }
        recursion?.Miss();
        _context.Increment(HealthCounter.Busy);
        asm.Jump(_context.Exit);
        asm.Place(claimed);
        asm.Mov(Register.R2, 1);
        asm.Lsh(Register.R2, Register.R1);
        asm.Xor(Register.R2, -1);
        asm.Store(MemorySize.DW, Register.R10, _mask, Register.R2);
        if (_context.SlotNumber is { } number)
            asm.Store(MemorySize.W, Register.R10, number, Register.R1);
        asm.Mul(Register.R1, _slotBytes);
        asm.Add(Register.R8, Register.R1);
        asm.Add(Register.R8, BusyBytes);
        _context.Leave = asm.CreateLabel("release");
        _claimed = true;
    }

    /// <summary>Counts the stack by what its header says, and goes to <paramref name="counted"/>.</summary>
    private void CountCompleteness(int stack, Label counted, bool cutIsWhole = false)
    {
        var asm = _context.Asm;
        if (cutIsWhole)
        {
            var other = asm.CreateLabel("not cut where it was to be");
            asm.Load(MemorySize.W, Register.R1, Register.R8, stack + StackHeader.Reason);
            asm.JumpIf(JumpOp.JNE, Register.R1, (int)StackReason.FrameLimit, other);
            _context.Increment(HealthCounter.Complete);
            asm.Jump(counted);
            asm.Place(other);
        }
        // The masks and the comparison say to the verifier what it cannot know: that a walk stores values of the enums only.
        asm.Load(MemorySize.W, Register.R1, Register.R8, stack + StackHeader.Completeness);
        asm.And(Register.R1, Completenesses - 1);
        CountAt(HealthCounter.Complete);
        asm.Load(MemorySize.W, Register.R1, Register.R8, stack + StackHeader.Reason);
        asm.Sub(Register.R1, (int)StackReason.NoProof);
        asm.JumpIf(JumpOp.JGT, Register.R1, (int)StackReasons.Last - (int)StackReason.NoProof, counted);
        asm.Note("complete: no reason");
        CountAt(HealthCounter.NoProof);
        asm.Jump(counted);

        // The counter that lies R1 counters behind the first.
        void CountAt(HealthCounter first)
        {
            asm.Lsh(Register.R1, 3);
            asm.Mov(Register.R2, Register.R7);
            asm.Add(Register.R2, Register.R1);
            asm.Mov(Register.R3, 1);
            asm.AtomicAdd(MemorySize.DW, Register.R2, ResultLayout.Offset(first), Register.R3);
        }
    }
}
