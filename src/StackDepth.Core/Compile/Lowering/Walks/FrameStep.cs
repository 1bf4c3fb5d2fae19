using StackDepth.Native.Asm;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The function that the kernel calls for each frame: finds the rule for the frame's address, applies it, and goes on by frame pointer for as long as the callers lie in code
/// that provably keeps them. It answers 1 when the walk is over. Each step leaves the stack pointer above where it was, but for at most <see cref="MostSignals"/> signal frames,
/// so no stack can make it run for ever.
/// </summary>
internal static class FrameStep
{
    private const int MostSignals = 16_384;
    private const int PlainSteps = 24;

    // The layout of a rule: UnwindRule.
    private const int RuleCfaKindShift = 48;
    private const int RuleBpKindShift = 52;
    private const int RuleBxShift = 56;
    private const int KindMask = 15;

    /// <summary>CFA = rbp + 16, rbp saved at CFA - 16: what code that keeps frame pointers has at every return address.</summary>
    private const long FramePointerRule = 16 | (0xfffeL << 32) | (2L << RuleCfaKindShift) | (1L << RuleBpKindShift);

    /// <summary>CFA = rsp + 8, rbp not saved: every function at its first instruction.</summary>
    private const long EntryRule = 8 | (1L << RuleCfaKindShift);

    // ucontext.uc_mcontext.gregs, in the order of REG_R8 to REG_RIP (sys/ucontext.h).
    private const int RegistersInSignalFrame = 40;
    private const int RegistersBytes = 17 * sizeof(long);
    private const int SignalR10 = WalkMemory.SignalRegisters + (2 * sizeof(long));
    private const int SignalR13 = WalkMemory.SignalRegisters + (5 * sizeof(long));
    private const int SignalBp = WalkMemory.SignalRegisters + (10 * sizeof(long));
    private const int SignalBx = WalkMemory.SignalRegisters + (11 * sizeof(long));
    private const int SignalSp = WalkMemory.SignalRegisters + (15 * sizeof(long));
    private const int SignalIp = WalkMemory.SignalRegisters + (16 * sizeof(long));

    internal static void Place(Assembler asm, WalkTarget target, Label step, Label mapping)
    {
        var walk = target.Walk;
        var code = new WalkCode(asm, target);
        asm.Origin = "step over a frame";
        asm.BeginFunction(step, $"{walk}_step");
        asm.Store(MemorySize.DW, Register.R10, WalkCode.Context, Register.R2);
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        // R7 = the address to look up: a return address may be the first of the next function, the call before it is not.
        code.Load(Register.R7, WalkMemory.Ip);
        code.Load(Register.R1, WalkMemory.Exact);
        asm.Sub(Register.R7, 1);
        asm.Add(Register.R7, Register.R1);

        var miss = asm.CreateLabel("address not in the cache");
        var apply = asm.CreateLabel("apply the rule");
        asm.Origin = "the rule of the frame";
        code.AddressEntry();
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Entry(WalkMemory.AddressEntry.Address));
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R7, miss);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Entry(WalkMemory.AddressEntry.Epoch));
        code.Load(Register.R2, WalkMemory.Epoch);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, miss);
        asm.Load(MemorySize.DW, Register.R8, Register.R9, Entry(WalkMemory.AddressEntry.Rule));
        PlainStretch(code, walk);
        asm.Jump(apply);

        asm.Place(miss);
        MappingStep.Find(code, mapping);
        RowLookup.Find(code);
        code.AddressEntry();
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Address), Register.R7);
        code.Load(Register.R1, WalkMemory.Epoch);
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Epoch), Register.R1);
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Rule), Register.R8);
        // Where the mapping lies in its cache: computed again, it is cheaper than to keep a pointer.
        asm.Mov(Register.R1, Register.R7);
        asm.Rsh(Register.R1, 16);
        asm.Mov(Register.R2, Register.R7);
        asm.Rsh(Register.R2, 22);
        asm.Xor(Register.R1, Register.R2);
        asm.And(Register.R1, WalkMemory.SegmentCount - 1);
        asm.Mul(Register.R1, WalkMemory.SegmentBytes);
        asm.Store(MemorySize.DW, Register.R9, Entry(WalkMemory.AddressEntry.Segment), Register.R1);
        PlainStretch(code, walk);

        asm.Place(apply);
        Apply(code, walk);
        if (walk != StackWalk.Unwind)
            GoPlain(code);

        asm.Origin = "the walk is over";
        asm.Place(code.Ended);
        code.Store(WalkMemory.End, Register.R1);
        asm.Mov(Register.R0, 1);
        asm.Exit();
        BlockRead.Place(code);
        ReturnLookup.Place(code);
    }

    /// <summary>Takes over, from the mapping of the frame in hand, where its code keeps frame pointers. R9 = the address's entry.</summary>
    private static void PlainStretch(WalkCode code, StackWalk walk)
    {
        if (walk == StackWalk.Unwind)
            return;
        var asm = code.Asm;
        var known = asm.CreateLabel("stretch known");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Entry(WalkMemory.AddressEntry.Segment));
        asm.And(Register.R1, (WalkMemory.SegmentCount - 1) * WalkMemory.SegmentBytes);
        asm.Add(Register.R1, Register.R6);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.Epoch);
        code.Load(Register.R3, WalkMemory.Epoch);
        asm.Mov(Register.R4, 0);
        asm.Mov(Register.R5, 0);
        code.Load(Register.R0, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, known);
        // Another mapping may have taken the place: its stretch is as good.
        asm.JumpIf(JumpOp.JNE, Register.R2, Register.R3, known);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainStart);
        asm.Load(MemorySize.DW, Register.R5, Register.R1, WalkMemory.Segments + WalkMemory.SegmentEntry.PlainLength);
        asm.Place(known);
        code.Store(WalkMemory.PlainStart, Register.R4);
        code.Store(WalkMemory.PlainLength, Register.R5);
    }

    /// <summary>Applies the rule in R8; falls through with the caller's frame in memory, or ends the walk.</summary>
    private static void Apply(WalkCode code, StackWalk walk)
    {
        var asm = code.Asm;
        var retry = asm.CreateLabel("apply the rule by kind");
        var stackPointer = asm.CreateLabel("CFA = rsp + n");
        var special = asm.CreateLabel("another rule");
        var haveCfa = asm.CreateLabel("CFA known");

        asm.Origin = "apply the rule";
        if (walk == StackWalk.FramePointer)
            PreferFramePointer(code);
        asm.Place(retry);
        // R1 = kind, R2 = rsp, R4 = offset, R5 = base and then CFA.
        asm.Mov(Register.R1, Register.R8);
        asm.Rsh(Register.R1, RuleCfaKindShift);
        asm.And(Register.R1, KindMask);
        code.Load(Register.R2, WalkMemory.Sp);
        asm.Mov(Register.R4, Register.R8);
        asm.Lsh(Register.R4, 32);
        asm.Arsh(Register.R4, 32);
        asm.Mov(Register.R5, Register.R2);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 1, stackPointer);
        code.Load(Register.R5, WalkMemory.Bp);
        asm.JumpIf(JumpOp.JNE, Register.R1, 2, special);
        asm.Place(stackPointer);
        asm.Add(Register.R5, Register.R4);

        asm.Place(haveCfa);
        var ascends = asm.CreateLabel("the CFA lies above rsp");
        var corrupt = asm.CreateLabel("corrupt");
        asm.JumpIf(JumpOp.JLE, Register.R5, Register.R2, corrupt);
        asm.Mov(Register.R1, Register.R5);
        asm.And(Register.R1, 7);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, ascends);
        asm.Place(corrupt);
        code.End(StackReason.Corrupt);

        asm.Place(ascends);
        var goesOn = asm.CreateLabel("below the limit of frames");
        code.Load(Register.R1, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JLT, Register.R1, code.Target.MaxFrames, goesOn);
        code.End(StackReason.FrameLimit);
        asm.Place(goesOn);
        code.Store(WalkMemory.Sp, Register.R5);
        asm.Mov(Register.R9, Register.R5);
        RestoreBasePointer(code);
        RestoreBx(code);

        asm.Origin = "the return address";
        asm.Mov(Register.R1, Register.R9);
        asm.Sub(Register.R1, sizeof(long));
        code.ReadWord();
        UndoHijack(code);
        var real = asm.CreateLabel("return address there");
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, real);
        code.End(StackReason.NoProof);
        asm.Place(real);
        code.Store(WalkMemory.Ip, Register.R0);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.Exact, 0);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.Depth, Register.R1);
        var next = asm.CreateLabel("the caller");
        asm.Jump(next);

        asm.Place(special);
        Special(code, retry, haveCfa);

        asm.Place(next);
        if (walk == StackWalk.Unwind)
        {
            asm.Mov(Register.R0, 0);
            asm.Exit();
        }
    }

    /// <summary>rbp of the caller, by the rule in R8, with the CFA in R9.</summary>
    private static void RestoreBasePointer(WalkCode code)
    {
        var asm = code.Asm;
        var same = asm.CreateLabel("rbp is the caller's");
        var read = asm.CreateLabel("read rbp");
        var lost = asm.CreateLabel("rbp is lost");
        var restored = asm.CreateLabel("rbp restored");
        asm.Origin = "the caller's rbp";
        asm.Mov(Register.R2, Register.R8);
        asm.Rsh(Register.R2, RuleBpKindShift);
        asm.And(Register.R2, KindMask);
        asm.JumpIf(JumpOp.JEQ, Register.R2, 0, same);
        asm.JumpIf(JumpOp.JEQ, Register.R2, 2, lost);
        code.Load(Register.R1, WalkMemory.Bp);
        var atCfa = asm.CreateLabel("rbp lies at CFA + 8n");
        asm.JumpIf(JumpOp.JNE, Register.R2, 3, atCfa);
        code.RequireAligned();
        asm.Jump(read);
        asm.Place(atCfa);
        asm.Mov(Register.R1, Register.R8);
        asm.Lsh(Register.R1, 16);
        asm.Arsh(Register.R1, 48);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R1, Register.R9);
        asm.Place(read);
        code.ReadWord();
        asm.Jump(restored);
        asm.Place(lost);
        asm.Mov(Register.R0, 0);
        asm.Place(restored);
        code.Store(WalkMemory.Bp, Register.R0);
        asm.Place(same);
    }

    /// <summary>rbx of the caller, in a walk that follows it.</summary>
    private static void RestoreBx(WalkCode code)
    {
        var asm = code.Asm;
        var same = asm.CreateLabel("rbx is the caller's");
        var known = asm.CreateLabel("rbx known");
        var lost = asm.CreateLabel("rbx is lost");
        asm.Origin = "the caller's rbx";
        code.Load(Register.R1, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, same);
        asm.Mov(Register.R1, Register.R8);
        asm.Arsh(Register.R1, RuleBxShift);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, same);
        asm.JumpIf(JumpOp.JEQ, Register.R1, UnwindRule.BxLost, lost);
        asm.Lsh(Register.R1, 3);
        asm.Add(Register.R1, Register.R9);
        code.ReadWord();
        asm.Jump(known);
        asm.Place(lost);
        asm.Mov(Register.R0, 0);
        asm.Place(known);
        code.Store(WalkMemory.Bx, Register.R0);
        asm.Place(same);
    }

    /// <summary>Where the return address in R0 is a uretprobe's trampoline, takes the real one from the kernel's list. R9 = the CFA.</summary>
    private static void UndoHijack(WalkCode code)
    {
        var asm = code.Asm;
        var real = asm.CreateLabel("not hijacked");
        var found = asm.CreateLabel("hijacked return found");
        code.Load(Register.R1, WalkMemory.Trampoline);
        asm.JumpIf(JumpOp.JNE, Register.R0, Register.R1, real);
        asm.Mov(Register.R1, Register.R6);
        asm.Mov(Register.R2, Register.R9);
        asm.Sub(Register.R2, sizeof(long));
        asm.Call(code.FindReturn);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, found);
        code.End(StackReason.ReadFailed);
        asm.Place(found);
        code.Load(Register.R0, WalkMemory.Ip);
        asm.Place(real);
    }

    /// <summary>The rules beside {rsp|rbp + n}. R1 = kind, R2 = rsp, R4 = offset, R5 = rbp.</summary>
    private static void Special(WalkCode code, Label retry, Label haveCfa)
    {
        var asm = code.Asm;
        var notLinkage = asm.CreateLabel("not PLT");
        var notMemory = asm.CreateLabel("not at rbp + n");
        var notNone = asm.CreateLabel("not row-less");
        var notOutermost = asm.CreateLabel("not outermost");
        var unsupported = asm.CreateLabel("unsupported");
        var byFramePointer = asm.CreateLabel("guess: frame pointer");

        asm.Origin = "apply another rule";
        asm.JumpIf(JumpOp.JNE, Register.R1, 3, notLinkage);
        var early = asm.CreateLabel("before the push");
        asm.Mov(Register.R5, Register.R2);
        asm.Add(Register.R5, 8);
        asm.Mov(Register.R3, Register.R7);
        asm.And(Register.R3, 15);
        asm.JumpIf(JumpOp.JLT, Register.R3, Register.R4, early);
        asm.Add(Register.R5, 8);
        asm.Place(early);
        asm.Jump(haveCfa);

        asm.Place(notLinkage);
        asm.JumpIf(JumpOp.JNE, Register.R1, 4, notMemory);
        asm.Mov(Register.R1, Register.R5);
        asm.Add(Register.R1, Register.R4);
        code.RequireAligned();
        code.ReadWord();
        asm.Mov(Register.R5, Register.R0);
        code.Load(Register.R2, WalkMemory.Sp);
        asm.Jump(haveCfa);

        asm.Place(notMemory);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, notNone);
        code.Load(Register.R3, WalkMemory.Guesses);
        asm.Add(Register.R3, 1);
        code.Store(WalkMemory.Guesses, Register.R3);
        if (code.Target.EntersAtFunctions)
        {
            // At a function's entry its caller's address is at the stack pointer, rows or not.
            code.Load(Register.R3, WalkMemory.Depth);
            asm.JumpIf(JumpOp.JNE, Register.R3, 1, byFramePointer);
            asm.LoadImmediate64(Register.R8, EntryRule);
            asm.Jump(retry);
        }
        asm.Place(byFramePointer);
        var above = asm.CreateLabel("rbp lies above rsp");
        asm.JumpIf(JumpOp.JGE, Register.R5, Register.R2, above);
        code.End(StackReason.NoProof);
        asm.Place(above);
        asm.LoadImmediate64(Register.R8, FramePointerRule);
        asm.Jump(retry);

        asm.Place(notNone);
        asm.JumpIf(JumpOp.JNE, Register.R1, 6, notOutermost);
        asm.Mov(Register.R1, WalkMemory.Outermost);
        asm.Note("the outermost frame");
        asm.Jump(code.Ended);
        asm.Place(notOutermost);
        var notSignal = asm.CreateLabel("not a signal frame");
        asm.JumpIf(JumpOp.JNE, Register.R1, 7, notSignal);
        Signal(code);
        asm.Place(notSignal);
        // r10 and r13 are known where nothing was called since, and of no other frame; rbx where it was followed.
        asm.JumpIf(JumpOp.JLT, Register.R1, 8, unsupported);
        asm.JumpIf(JumpOp.JGT, Register.R1, 10, unsupported);
        var haveRegister = asm.CreateLabel("register known");
        var exact = asm.CreateLabel("registers known");
        var followed = asm.CreateLabel("rbx is followed");
        code.Load(Register.R3, WalkMemory.Exact);
        asm.JumpIf(JumpOp.JNE, Register.R3, 0, exact);
        asm.JumpIf(JumpOp.JNE, Register.R1, 8, unsupported);
        code.Load(Register.R3, WalkMemory.FollowsBx);
        asm.JumpIf(JumpOp.JNE, Register.R3, 0, followed);
        BeginAnew(code);
        asm.Place(followed);
        asm.Place(exact);
        code.Load(Register.R5, WalkMemory.Bx);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 8, haveRegister);
        code.Load(Register.R5, WalkMemory.R10);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 9, haveRegister);
        code.Load(Register.R5, WalkMemory.R13);
        asm.Place(haveRegister);
        asm.Add(Register.R5, Register.R4);
        asm.Jump(haveCfa);
        asm.Place(unsupported);
        code.End(StackReason.UnsupportedRule);
    }

    /// <summary>Few stacks go through code that counts its CFA from rbx, so rbx is not followed until one does: then the walk begins anew.</summary>
    private static void BeginAnew(WalkCode code)
    {
        var asm = code.Asm;
        asm.Origin = "begin anew, with rbx";
        Copy(WalkMemory.FirstIp, WalkMemory.Ip);
        Copy(WalkMemory.FirstSp, WalkMemory.Sp);
        Copy(WalkMemory.FirstBp, WalkMemory.Bp);
        Copy(WalkMemory.FirstBx, WalkMemory.Bx);
        Copy(WalkMemory.FirstR10, WalkMemory.R10);
        Copy(WalkMemory.FirstR13, WalkMemory.R13);
        Copy(WalkMemory.FirstReturnInstance, WalkMemory.ReturnInstance);
        Set(WalkMemory.Depth, 1);
        Set(WalkMemory.Exact, 1);
        Set(WalkMemory.FollowsBx, 1);
        Set(WalkMemory.Guesses, 0);
        Set(WalkMemory.Signals, 0);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        void Copy(int from, int to)
        {
            code.Load(Register.R3, from);
            code.Store(to, Register.R3);
        }

        void Set(int field, int value) => asm.Store(MemorySize.DW, Register.R6, field, value);
    }

    /// <summary>A frame that the kernel put there for a signal: the interrupted registers lie in it. The interrupted stack can be another one.</summary>
    private static void Signal(WalkCode code)
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
        asm.JumpIf(JumpOp.JLE, Register.R1, MostSignals, few);
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
        Copy(SignalBp, WalkMemory.Bp);
        Copy(SignalSp, WalkMemory.Sp);
        Copy(SignalIp, WalkMemory.Ip);
        Copy(SignalBx, WalkMemory.Bx);
        Copy(SignalR10, WalkMemory.R10);
        Copy(SignalR13, WalkMemory.R13);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.Exact, 1);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.Depth, Register.R1);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        void Copy(int from, int to)
        {
            code.Load(Register.R1, from);
            code.Store(to, Register.R1);
        }
    }

    /// <summary>
    /// The walk by frame pointers alone: where the rows do not say that the caller is found by them, the step is a guess. The ends, signal frames and the function that was
    /// probed, which need not have set up its frame, go by the rows.
    /// </summary>
    private static void PreferFramePointer(WalkCode code)
    {
        var asm = code.Asm;
        var asItIs = asm.CreateLabel("the rows decide");
        code.Load(Register.R1, WalkMemory.Exact);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, asItIs);
        // All of the rule but what it says of rbx.
        asm.LoadImmediate64(Register.R2, FramePointerRule << 8);
        asm.Mov(Register.R1, Register.R8);
        asm.Lsh(Register.R1, 8);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, asItIs);
        asm.Rsh(Register.R1, RuleCfaKindShift + 8);
        asm.And(Register.R1, KindMask);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 6, asItIs);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 7, asItIs);
        asm.Mov(Register.R8, 0);
        asm.Place(asItIs);
    }

    /// <summary>Steps by frame pointers for as long as return addresses lie in the plain stretch and the frames in the block that was read.</summary>
    private static void GoPlain(WalkCode code)
    {
        var asm = code.Asm;
        var stepped = asm.CreateLabel("steps counted");
        var none = asm.CreateLabel("no plain stretch");
        asm.Origin = "step by frame pointer";
        // R1 = the block's limit, R2 = rsp, R3 = rbp, R4 = the stretch's first return address, R5 = its length, R7 = rip, R8 = the block's address.
        code.Load(Register.R5, WalkMemory.PlainLength);
        asm.JumpIf(JumpOp.JEQ, Register.R5, 0, none);
        // Return addresses that a uretprobe may have replaced are looked at one by one.
        code.Load(Register.R1, WalkMemory.ReturnInstance);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, none);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JGE, Register.R1, int.Max(0, code.Target.MaxFrames - PlainSteps), none);
        code.Load(Register.R1, WalkMemory.BlockLimit);
        code.Load(Register.R2, WalkMemory.Sp);
        code.Load(Register.R3, WalkMemory.Bp);
        code.Load(Register.R4, WalkMemory.PlainStart);
        asm.Add(Register.R4, 1);
        code.Load(Register.R7, WalkMemory.Ip);
        code.Load(Register.R8, WalkMemory.BlockAddress);
        var done = new Label[PlainSteps];
        for (var step = 0; step < PlainSteps; step++)
        {
            done[step] = asm.CreateLabel($"after {step} steps");
            asm.Mov(Register.R0, Register.R7);
            asm.Sub(Register.R0, Register.R4);
            asm.JumpIf(JumpOp.JGE, Register.R0, Register.R5, done[step]);
            asm.JumpIf(JumpOp.JLT, Register.R3, Register.R2, done[step]);
            asm.Mov(Register.R9, Register.R3);
            asm.Sub(Register.R9, Register.R8);
            asm.JumpIf(JumpOp.JSET, Register.R9, 7, done[step]);
            asm.JumpIf(JumpOp.JGT, Register.R9, WalkMemory.BlockBytes - 16, done[step]);
            asm.JumpIf(JumpOp.JGE, Register.R9, Register.R1, done[step]);
            asm.Add(Register.R9, Register.R6);
            asm.Load(MemorySize.DW, Register.R0, Register.R9, WalkMemory.Block + 8);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done[step]);
            asm.Mov(Register.R7, Register.R0);
            asm.Mov(Register.R2, Register.R3);
            asm.Add(Register.R2, 16);
            asm.Load(MemorySize.DW, Register.R3, Register.R9, WalkMemory.Block);
        }
        asm.Mov(Register.R0, PlainSteps);
        asm.Jump(stepped);
        for (var step = 1; step < PlainSteps; step++)
        {
            asm.Place(done[step]);
            asm.Mov(Register.R0, step);
            asm.Jump(stepped);
        }
        asm.Place(stepped);
        code.Load(Register.R1, WalkMemory.Depth);
        asm.Add(Register.R1, Register.R0);
        code.Store(WalkMemory.Depth, Register.R1);
        code.Store(WalkMemory.Sp, Register.R2);
        code.Store(WalkMemory.Bp, Register.R3);
        code.Store(WalkMemory.Ip, Register.R7);
        asm.Place(done[0]);
        asm.Place(none);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }

    private static int Entry(int field) => WalkMemory.Addresses + field;
}
