using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>What the parts of the step over a frame share: R6 is the walk's memory, R10 - 8 holds the callback's context, and all of them end the walk at one place.</summary>
internal sealed class WalkCode(Assembler asm, WalkTarget target)
{
    /// <summary>Stack slots of the step's function.</summary>
    internal const int Context = -8;

    internal const int Key = -12;
    internal const int FirstKey = -16;

    internal Assembler Asm { get; } = asm;

    /// <summary>The function that reads a block of the stack.</summary>
    internal Label ReadBlock { get; } = asm.CreateLabel("read a block");

    /// <summary>The function that finds a hijacked return address.</summary>
    internal Label FindReturn { get; } = asm.CreateLabel("find a hijacked return");

    /// <summary>The function that writes down the frame in hand.</summary>
    internal Label Record { get; } = asm.CreateLabel("write down a frame");

    internal WalkTarget Target { get; } = target;

    /// <summary>Whether frames are counted that are stepped over without a lookup. With more than one set the tables see to it that such frames are in none.</summary>
    internal bool CountsInPlain => Target.Sets == 1 && Target.Walk != StackWalk.Unwind;

    /// <summary>Ends the walk for the reason in R1, or as <see cref="WalkMemory.Outermost"/>.</summary>
    internal Label Ended { get; } = asm.CreateLabel("the walk ended");

    internal void Load(Register destination, int field) => Asm.Load(MemorySize.DW, destination, Register.R6, field);

    internal void Store(int field, Register source) => Asm.Store(MemorySize.DW, Register.R6, field, source);

    /// <summary>Copies a field of the walk's memory, through a register.</summary>
    internal void Copy(int from, int to, Register through)
    {
        Load(through, from);
        Store(to, through);
    }

    /// <summary><paramref name="destination"/> = where in the cache of mappings that of the address in R7 has its place.</summary>
    internal void SegmentPlace(Register destination, Register scratch)
    {
        Asm.Mov(destination, Register.R7);
        Asm.Rsh(destination, 16);
        Asm.Mov(scratch, Register.R7);
        Asm.Rsh(scratch, 22);
        Asm.Xor(destination, scratch);
        Asm.And(destination, WalkMemory.SegmentCount - 1);
        Asm.Mul(destination, WalkMemory.SegmentBytes);
    }

    /// <summary>Ends a walk that stops somewhere, if it has come there by leaving the frame of the function at R7. Changes R1 and R2.</summary>
    internal void StopIfReached()
    {
        if (!Target.Stops)
            return;
        const int AfterFirst = 2;
        var below = Asm.CreateLabel("below the stop");
        var stop = Asm.CreateLabel("stop");
        var first = Asm.CreateLabel("the probed function");
        Load(Register.R1, WalkMemory.Depth);
        Asm.JumpIf(JumpOp.JEQ, Register.R1, AfterFirst, first);
        Asm.Mov(Register.R1, Register.R7);
        Load(Register.R2, WalkMemory.StopStart);
        Asm.Sub(Register.R1, Register.R2);
        Load(Register.R2, WalkMemory.StopLength);
        Asm.JumpIf(JumpOp.JLT, Register.R1, Register.R2, stop);
        Asm.Place(first);
        Load(Register.R1, WalkMemory.Sp);
        Load(Register.R2, WalkMemory.Stop);
        Asm.JumpIf(JumpOp.JLT, Register.R1, Register.R2, below);
        Asm.Place(stop);
        Store(WalkMemory.StoppedIn, Register.R7);
        Asm.Mov(Register.R1, WalkMemory.Reached);
        Asm.Jump(Ended);
        Asm.Place(below);
    }

    internal void End(StackReason reason)
    {
        Asm.Mov(Register.R1, (int)reason);
        Asm.Note(reason.ToString());
        Asm.Jump(Ended);
    }

    /// <summary>R9 = a cache entry for the address in R7; changes R1 and R2.</summary>
    internal void AddressEntry()
    {
        Asm.Mov(Register.R1, Register.R7);
        Asm.Mov(Register.R9, Register.R7);
        Asm.Rsh(Register.R9, 8);
        Asm.Xor(Register.R9, Register.R1);
        Asm.And(Register.R9, WalkMemory.AddressCount - 1);
        Asm.Mul(Register.R9, WalkMemory.AddressBytes);
        Asm.Add(Register.R9, Register.R6);
    }

    /// <summary>Ends the walk where the address in R1 is not aligned: it comes from the stack, and nothing says that it is. Changes R2.</summary>
    internal void RequireAligned()
    {
        var aligned = Asm.CreateLabel("aligned");
        Asm.Mov(Register.R2, Register.R1);
        Asm.And(Register.R2, sizeof(long) - 1);
        Asm.JumpIf(JumpOp.JEQ, Register.R2, 0, aligned);
        End(StackReason.Corrupt);
        Asm.Place(aligned);
    }

    /// <summary>R0 = the word of the user's stack at the address in R1, which must be aligned; through the block that was read last. Changes R1 to R5.</summary>
    internal void ReadWord()
    {
        var miss = Asm.CreateLabel("not in the block");
        var hit = Asm.CreateLabel("in the block");
        Asm.Mov(Register.R2, Register.R1);
        Load(Register.R3, WalkMemory.BlockAddress);
        Asm.Sub(Register.R2, Register.R3);
        Load(Register.R3, WalkMemory.BlockLimit);
        Asm.JumpIf(JumpOp.JGT, Register.R2, Register.R3, miss);
        Asm.JumpIf(JumpOp.JLE, Register.R2, WalkMemory.BlockBytes - sizeof(long), hit);

        Asm.Place(miss);
        Asm.Mov(Register.R2, Register.R1);
        Asm.Mov(Register.R1, Register.R6);
        Asm.Call(ReadBlock);
        Asm.Mov(Register.R2, 0);
        Asm.JumpIf(JumpOp.JEQ, Register.R0, 0, hit);
        End(StackReason.ReadFailed);

        Asm.Place(hit);
        Asm.Add(Register.R2, Register.R6);
        Asm.Load(MemorySize.DW, Register.R0, Register.R2, WalkMemory.Block);
    }
}
