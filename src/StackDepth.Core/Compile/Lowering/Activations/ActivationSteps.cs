using StackDepth.Compile.Lowering.Walks;
using StackDepth.Native.Asm;
using StackDepth.Native.Unwind;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// The proof that the last activation is live, without a walk: the few frames up to it are stepped over by rules that earlier walks have found, as the walk would do it. Whatever is not known, or
/// not the usual, is left to the walk.
/// </summary>
/// <param name="context">The program.</param>
/// <param name="record">Where in the frame the record is.</param>
/// <param name="code">Where in the frame the function's code is.</param>
/// <param name="left">Room in the frame for the number of steps that are left.</param>
/// <param name="distance">Room in the frame for the distance to the last activation.</param>
internal sealed class ActivationSteps(LoweringContext context, int record, int code, int left, int distance)
{
    /// <summary>How many frames are stepped over at most: the verifier goes through each step for itself.</summary>
    private const int MostFrames = 8;

    /// <summary>What is read at once costs little more than a word does; the words behind the first one are needed only where the function was not called by itself.</summary>
    private const int ReadAtOnce = 512;

    /// <summary>A page: there are return addresses at both ends of what is read, so all of it has been touched, and nothing faults.</summary>
    private const int MostBytes = 4096;

    private const int UserBp = 32;
    private const int UserIp = 128;
    private const int UserSp = 152;

    private readonly Assembler _asm = context.Asm;

    /// <summary>R9 = the memory of the walk, R8 = the entry, which is below the last activation on the same stack; both survive. Goes to <paramref name="done"/> with a proof, or else to <paramref name="walk"/>.</summary>
    internal void Emit(Label done, Label walk)
    {
        var one = _asm.CreateLabel("the first word will do");
        var sized = _asm.CreateLabel("how much to read");
        var step = _asm.CreateLabel("step");
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, record);
        _asm.Load(MemorySize.DW, Register.R2, Register.R2, Record.Top);
        _asm.Sub(Register.R2, Register.R8);
        _asm.Store(MemorySize.DW, Register.R10, distance, Register.R2);
        _asm.JumpIf(JumpOp.JGT, Register.R2, ReadAtOnce, one);
        _asm.JumpIf(JumpOp.JGE, Register.R2, sizeof(long), sized);
        _asm.Place(one);
        _asm.Mov(Register.R2, sizeof(long));
        _asm.Place(sized);
        Read(walk);
        RequireEntryRule(walk);
        BranchIfOfFunction(step);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, distance);
        _asm.JumpIf(JumpOp.JLE, Register.R2, ReadAtOnce, step);
        _asm.JumpIf(JumpOp.JGT, Register.R2, MostBytes, walk);
        Read(walk);

        _asm.Place(step);
        _asm.Store(MemorySize.DW, Register.R10, left, MostFrames);
        _asm.Load(MemorySize.DW, Register.R1, Register.R6, UserBp);
        _asm.Note("at a function's entry still its caller's");
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.Bp, Register.R1);
        _asm.Load(MemorySize.DW, Register.R5, Register.R6, UserSp);
        _asm.Add(Register.R5, sizeof(long));
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.Block);
        _asm.Sub(Register.R1, 1);
        Steps(done, walk);
    }

    /// <summary>R1 = the call in the frame, R5 = the frame's stack pointer.</summary>
    private void Steps(Label done, Label walk)
    {
        var again = _asm.CreateLabel("the next frame");
        var byStackPointer = _asm.CreateLabel("CFA = rsp + n");
        var itself = _asm.CreateLabel("a frame of the function");
        var same = _asm.CreateLabel("rbp is the caller's");
        _asm.Place(again);
        FindRule(walk);
        _asm.Mov(Register.R0, Register.R3);
        _asm.Lsh(Register.R0, 32);
        _asm.Arsh(Register.R0, 32);
        _asm.Mov(Register.R4, Register.R3);
        _asm.Rsh(Register.R4, RuleLayout.CfaKindShift);
        _asm.And(Register.R4, RuleLayout.KindMask);
        _asm.Mov(Register.R2, Register.R5);
        _asm.JumpIf(JumpOp.JEQ, Register.R4, (int)CfaKind.StackPointer, byStackPointer);
        _asm.JumpIf(JumpOp.JNE, Register.R4, (int)CfaKind.BasePointer, walk);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, WalkMemory.Bp);
        _asm.Place(byStackPointer);
        _asm.Add(Register.R2, Register.R0);
        _asm.JumpIf(JumpOp.JLE, Register.R2, Register.R5, walk);
        _asm.Mov(Register.R5, Register.R2);
        // R2 = how far from the entry the frame's return address lies.
        _asm.Load(MemorySize.DW, Register.R0, Register.R6, UserSp);
        _asm.Sub(Register.R2, Register.R0);
        _asm.Sub(Register.R2, sizeof(long));
        BranchIfOfFunction(itself);

        // A frame of another function: the walk would have to end below the activation too.
        _asm.Load(MemorySize.DW, Register.R0, Register.R9, WalkMemory.BlockLimit);
        _asm.JumpIf(JumpOp.JGT, Register.R2, Register.R0, walk);
        _asm.JumpIf(JumpOp.JGT, Register.R2, MostBytes - sizeof(long), walk);
        _asm.JumpIf(JumpOp.JSET, Register.R2, sizeof(long) - 1, walk);
        _asm.Mov(Register.R4, Register.R3);
        _asm.Rsh(Register.R4, RuleLayout.BpKindShift);
        _asm.And(Register.R4, RuleLayout.KindMask);
        _asm.JumpIf(JumpOp.JEQ, Register.R4, (int)BasePointerKind.Same, same);
        _asm.JumpIf(JumpOp.JNE, Register.R4, (int)BasePointerKind.AtCfa, walk);
        _asm.Lsh(Register.R3, 16);
        _asm.Arsh(Register.R3, 48);
        _asm.Lsh(Register.R3, 3);
        _asm.Add(Register.R3, Register.R2);
        _asm.Add(Register.R3, sizeof(long));
        _asm.JumpIf(JumpOp.JGT, Register.R3, Register.R0, walk);
        _asm.JumpIf(JumpOp.JGT, Register.R3, MostBytes - sizeof(long), walk);
        _asm.Add(Register.R3, Register.R9);
        _asm.Load(MemorySize.DW, Register.R3, Register.R3, WalkMemory.Block);
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.Bp, Register.R3);
        _asm.Place(same);
        _asm.Add(Register.R2, Register.R9);
        _asm.Load(MemorySize.DW, Register.R1, Register.R2, WalkMemory.Block);
        _asm.Sub(Register.R1, 1);
        _asm.Load(MemorySize.DW, Register.R0, Register.R10, left);
        _asm.Sub(Register.R0, 1);
        _asm.Store(MemorySize.DW, Register.R10, left, Register.R0);
        _asm.JumpIf(JumpOp.JNE, Register.R0, 0, again);
        _asm.Jump(walk);

        _asm.Place(itself);
        _asm.Load(MemorySize.DW, Register.R0, Register.R10, distance);
        _asm.JumpIf(JumpOp.JEQ, Register.R2, Register.R0, done);
        _asm.Jump(walk);
    }

    /// <summary>R2 = how many bytes of the stack to read, from the entry on.</summary>
    private void Read(Label failed)
    {
        _asm.Mov(Register.R1, Register.R2);
        _asm.Sub(Register.R1, sizeof(long));
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.BlockLimit, Register.R1);
        _asm.Mov(Register.R1, Register.R9);
        _asm.Add(Register.R1, WalkMemory.Block);
        _asm.Load(MemorySize.DW, Register.R3, Register.R6, UserSp);
        _asm.Call(HelperId.ProbeReadUser);
        _asm.JumpIf(JumpOp.JNE, Register.R0, 0, failed);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.Block);
        _asm.Sub(Register.R1, 1);
    }

    /// <summary>Goes on where the rows say, of the probed address, that the stack pointer is at the return address. R1 survives.</summary>
    private void RequireEntryRule(Label walk)
    {
        _asm.Mov(Register.R5, Register.R1);
        _asm.Load(MemorySize.DW, Register.R1, Register.R6, UserIp);
        KnownRule(walk);
        _asm.LoadImmediate64(Register.R4, RuleLayout.Entry);
        _asm.JumpIf(JumpOp.JNE, Register.R3, Register.R4, walk);
        _asm.Mov(Register.R1, Register.R5);
    }

    /// <summary>R3 = the rule for the address in R1; changes R0, R2 and R4.</summary>
    private void FindRule(Label unknown)
    {
        var plain = _asm.CreateLabel("in the plain stretch");
        var found = _asm.CreateLabel("rule found");
        var other = _asm.CreateLabel("not in the plain stretch");
        Cached(WalkMemory.SegmentCount, WalkMemory.SegmentBytes, 16, 22);
        _asm.Load(MemorySize.DW, Register.R3, Register.R2, WalkMemory.Segments + WalkMemory.SegmentEntry.Epoch);
        _asm.Load(MemorySize.DW, Register.R4, Register.R9, WalkMemory.Epoch);
        _asm.JumpIf(JumpOp.JNE, Register.R3, Register.R4, other);
        _asm.Mov(Register.R3, Register.R1);
        _asm.Load(MemorySize.DW, Register.R4, Register.R2, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainStart);
        _asm.Sub(Register.R3, Register.R4);
        // Behind the length of the plain stretch lies something else.
        _asm.Load(MemorySize.W, Register.R4, Register.R2, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainLength);
        _asm.JumpIf(JumpOp.JLT, Register.R3, Register.R4, plain);
        _asm.Place(other);
        KnownRule(unknown);
        _asm.Jump(found);
        _asm.Place(plain);
        _asm.LoadImmediate64(Register.R3, RuleLayout.FramePointer);
        _asm.Place(found);
    }

    /// <summary>R3 = the rule that a walk has found for the very address in R1; changes R2 and R4.</summary>
    private void KnownRule(Label unknown)
    {
        Cached(WalkMemory.AddressCount, WalkMemory.AddressBytes, 0, 8);
        _asm.Load(MemorySize.DW, Register.R3, Register.R2, WalkMemory.Addresses + WalkMemory.AddressEntry.Address);
        _asm.JumpIf(JumpOp.JNE, Register.R3, Register.R1, unknown);
        _asm.Load(MemorySize.DW, Register.R3, Register.R2, WalkMemory.Addresses + WalkMemory.AddressEntry.Epoch);
        _asm.Load(MemorySize.DW, Register.R4, Register.R9, WalkMemory.Epoch);
        _asm.JumpIf(JumpOp.JNE, Register.R3, Register.R4, unknown);
        _asm.Load(MemorySize.DW, Register.R3, Register.R2, WalkMemory.Addresses + WalkMemory.AddressEntry.Rule);
    }

    /// <summary>R2 = the memory plus the place of the address in R1 in a cache of the walk's: see <see cref="WalkCode"/>. Changes R3.</summary>
    private void Cached(int count, int bytes, int shift, int otherShift)
    {
        _asm.Mov(Register.R2, Register.R1);
        if (shift > 0)
            _asm.Rsh(Register.R2, shift);
        _asm.Mov(Register.R3, Register.R1);
        _asm.Rsh(Register.R3, otherShift);
        _asm.Xor(Register.R2, Register.R3);
        _asm.And(Register.R2, count - 1);
        _asm.Mul(Register.R2, bytes);
        _asm.Add(Register.R2, Register.R9);
    }

    /// <summary>Goes to <paramref name="itself"/> if the address in R1 lies in the probed function. Changes R0 and R4.</summary>
    private void BranchIfOfFunction(Label itself)
    {
        _asm.Mov(Register.R0, Register.R1);
        _asm.Load(MemorySize.DW, Register.R4, Register.R6, UserIp);
        _asm.Sub(Register.R0, Register.R4);
        _asm.Load(MemorySize.DW, Register.R4, Register.R10, code);
        _asm.Load(MemorySize.DW, Register.R4, Register.R4, Code.Size);
        _asm.JumpIf(JumpOp.JLT, Register.R0, Register.R4, itself);
    }
}
