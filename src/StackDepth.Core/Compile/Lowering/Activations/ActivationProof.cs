using StackDepth.Compile.Lowering.Walks;
using StackDepth.Native.Asm;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>
/// Proves that the last activation in the books is live: a walk from the probed function meets a frame of that function whose return address lies where the activation began. It takes off those that
/// the walk goes past, and those on whose place it meets another function's frame. Where rules that were found before lead there in a few steps, no walk is needed.
/// </summary>
internal sealed class ActivationProof
{
    /// <summary>How often a walk goes on after it has gone past activations: the verifier goes through each round for itself.</summary>
    private const int MostRounds = 3;

    private const int UserIp = 128;
    private const int UserSp = 152;

    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly int _key;
    private readonly int _record;
    private readonly int _memory;
    private readonly int _code;
    private readonly int _word;
    private readonly int _rounds;
    private readonly Label _end;

    /// <param name="context">The program.</param>
    /// <param name="key">The record's key, in the frame.</param>
    /// <param name="record">The record, in the frame.</param>
    /// <param name="end">The function that ends activations.</param>
    internal ActivationProof(LoweringContext context, int key, int record, Label end)
    {
        _context = context;
        _asm = context.Asm;
        (_key, _record, _end) = (key, record, end);
        _memory = context.Allocate(sizeof(long));
        _code = context.Allocate(sizeof(long));
        _word = context.Allocate(sizeof(long));
        _rounds = context.Allocate(sizeof(long));
    }

    /// <summary>R8 = the entry; it survives. Goes to <paramref name="done"/>, or to <paramref name="left"/> with the mark that there is no proof.</summary>
    internal void Emit(Label done, Label left)
    {
        var unproved = _asm.CreateLabel("not proved");
        var walk = _asm.CreateLabel("walk");
        Lookup(MapNames.Walks, _context.SlotNumber!.Value, _memory, unproved);
        Lookup(MapNames.FunctionCode, _key + Key.Site, _code, unproved);
        var target = _context.Target;
        var walker = _context.Prover ??= new(_asm, new(StackWalk.Auto, target.MaxFrames, target.Fields!, target.SequenceShift, EntersAtFunctions: true, _context.Counted.Length, Stops: true)); // the walks share their caches, with the marks in them
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _memory);
        walker.Enter(_asm);
        new ActivationSteps(_context, _record, _code, _rounds, _word).Emit(done, walk);
        _asm.Place(walk);
        ByWalk(walker, unproved, done);

        _asm.Place(unproved);
        var known = _asm.CreateLabel("more is unproved already");
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Top);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.Unproved);
        _asm.JumpIf(JumpOp.JGE, Register.R2, Register.R1, known);
        _asm.Store(MemorySize.DW, Register.R9, Record.Unproved, Register.R1);
        _asm.Place(known);
        _asm.Jump(left);
    }

    private void ByWalk(StackWalker walker, Label unproved, Label done)
    {
        var again = _asm.CreateLabel("walk on");
        var all = _asm.CreateLabel("none is live");
        var itself = _asm.CreateLabel("a frame of the function");
        var end = _asm.CreateLabel("take off");
        var walkSlot = _context.Allocate(sizeof(long));
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _memory);
        walker.Start(_asm, Register.R6);
        _asm.Load(MemorySize.DW, Register.R1, Register.R6, UserIp);
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.StopStart, Register.R1);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _code);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Code.Size);
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.StopLength, Register.R1);
        _asm.Store(MemorySize.DW, Register.R10, _rounds, 0);

        _asm.Place(again);
        _asm.Load(MemorySize.DW, Register.R9, Register.R10, _memory);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Record.Top);
        _asm.Sub(Register.R1, Register.R8);
        _asm.Load(MemorySize.DW, Register.R2, Register.R6, UserSp);
        _asm.Add(Register.R1, Register.R2);
        _asm.Add(Register.R1, sizeof(long));
        _asm.Store(MemorySize.DW, Register.R9, WalkMemory.Stop, Register.R1);
        walker.Go(_asm, walkSlot);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.Guesses);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, unproved);
        _asm.JumpIf(JumpOp.JEQ, Register.R0, WalkMemory.Outermost, all);
        _asm.JumpIf(JumpOp.JNE, Register.R0, WalkMemory.Reached, unproved);

        // R5 = where the return address of the frame lies that the walk has just left, as an entry; R1 = how far in the function it was.
        _asm.Load(MemorySize.DW, Register.R5, Register.R9, WalkMemory.Sp);
        _asm.Sub(Register.R5, sizeof(long));
        AddRank(Register.R5);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.StoppedIn);
        _asm.Load(MemorySize.DW, Register.R2, Register.R6, UserIp);
        _asm.Sub(Register.R1, Register.R2);
        _asm.Load(MemorySize.DW, Register.R3, Register.R10, _code);
        _asm.Load(MemorySize.DW, Register.R2, Register.R3, Code.Size);
        _asm.JumpIf(JumpOp.JLT, Register.R1, Register.R2, itself);
        _asm.Load(MemorySize.DW, Register.R2, Register.R3, Code.ColdDistance);
        _asm.Sub(Register.R1, Register.R2);
        _asm.Load(MemorySize.DW, Register.R2, Register.R3, Code.ColdSize);
        _asm.JumpIf(JumpOp.JLT, Register.R1, Register.R2, itself);
        _asm.Load(MemorySize.DW, Register.R2, Register.R3, Code.IsWhole);
        _asm.JumpIf(JumpOp.JEQ, Register.R2, 0, unproved);
        _asm.Jump(end);
        _asm.Place(itself);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Record.Top);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R5, done);
        // A live activation that is not in the books: the stack was left for another within it, and what lay deeper was taken for over.
        _asm.JumpIf(JumpOp.JGT, Register.R1, Register.R5, unproved);
        _asm.Sub(Register.R5, 1);

        _asm.Place(end);
        _asm.Mov(Register.R2, Register.R5);
        _asm.Add(Register.R5, 1);
        _asm.Store(MemorySize.DW, Register.R10, _word, Register.R5);
        End();
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
        // The next one may be on another stack, or the very one whose frame it was.
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Record.Top);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _word);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, done);
        _asm.Xor(Register.R1, Register.R8);
        _asm.Rsh(Register.R1, ForeignRank);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, done);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _rounds);
        _asm.Add(Register.R1, 1);
        _asm.Store(MemorySize.DW, Register.R10, _rounds, Register.R1);
        _asm.JumpIf(JumpOp.JLT, Register.R1, MostRounds, again);
        _asm.Jump(unproved);

        // None below the outermost frame is live. One above it is that of a stack which this one was made a part of: the walk says nothing of it.
        _asm.Place(all);
        _asm.Load(MemorySize.DW, Register.R5, Register.R9, WalkMemory.Sp);
        AddRank(Register.R5);
        _asm.Mov(Register.R2, Register.R5);
        End();
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _record);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Record.Top);
        _asm.Xor(Register.R1, Register.R8);
        _asm.Rsh(Register.R1, ForeignRank);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, done);
        _asm.Jump(unproved);
    }

    /// <summary>Ends the activations that are not greater than the bound in R2.</summary>
    private void End()
    {
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _record);
        _context.AddressOfFrame(Register.R3, _key);
        _asm.Call(_end);
    }

    /// <summary>Adds to a stack pointer the rank of the stack that the entry is on. Changes R2.</summary>
    private void AddRank(Register pointer)
    {
        _asm.Add(pointer, Register.R8);
        _asm.Load(MemorySize.DW, Register.R2, Register.R6, UserSp);
        _asm.Sub(pointer, Register.R2);
    }

    private void Lookup(string map, int key, int destination, Label absent)
    {
        _asm.LoadMap(Register.R1, map);
        _context.AddressOfFrame(Register.R2, key);
        _asm.Call(HelperId.MapLookupElem);
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
        _asm.Store(MemorySize.DW, Register.R10, destination, Register.R0);
    }
}
