using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// The function that writes down the frame in hand: R1 = the walk's memory. Recursion repeats frames, so a frame that is the same as the one some frames before goes into a run: deep
/// stacks become short trails. Where several frames share a place among those seen, a run begins some frames later, no more.
/// </summary>
internal static class TrailRecord
{
    private const long Scatter = unchecked((long)0x9e37_79b9_7f4a_7c15); // 2^64 divided by the golden ratio: Knuth, The Art of Computer Programming 3, 6.4

    /// <summary>Has the frame in hand written down, where the walk is one that does.</summary>
    internal static void Call(WalkCode code)
    {
        if (!code.Target.Records)
            return;
        code.Asm.Origin = "write down the frame";
        code.Asm.Mov(Register.R1, Register.R6);
        code.Asm.Call(code.Record);
    }

    internal static void Place(WalkCode code)
    {
        if (!code.Target.Records)
            return;
        var asm = code.Asm;
        var begun = asm.CreateLabel("not the first frame");
        var user = asm.CreateLabel("an address");
        var done = asm.CreateLabel("done");
        var search = asm.CreateLabel("no run goes on");
        var literal = asm.CreateLabel("no frame that repeats");
        var repeats = asm.CreateLabel("the frame repeats");
        var append = asm.CreateLabel("append");
        var note = asm.CreateLabel("remember the frame");
        asm.Origin = "write down a frame";
        asm.BeginFunction(code.Record, $"{code.Target.Name}_record");
        asm.Mov(Register.R6, Register.R1);
        code.Load(Register.R8, WalkMemory.Depth);
        asm.JumpIf(JumpOp.JNE, Register.R8, 1, begun);
        // The walk begins, perhaps anew.
        foreach (var field in (ReadOnlySpan<int>)[TrailMemory.Depth, TrailMemory.Length, TrailMemory.Period])
            asm.Store(MemorySize.DW, Register.R6, field, 0);
        var numbers = code.Target.Numbers;
        if (numbers is not null)
        {
            asm.Store(MemorySize.DW, Register.R6, TrailMemory.Lost, 0);
            for (var offset = 0; offset < StackNode.KeyBytes; offset += sizeof(long))
                asm.Store(MemorySize.DW, Register.R6, TrailMemory.Node + offset, 0);
        }
        asm.Place(begun);
        code.Load(Register.R1, TrailMemory.Depth);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R8, done);
        code.Store(TrailMemory.Depth, Register.R8);
        if (numbers is { Skip: > 0 })
            asm.JumpIf(JumpOp.JLE, Register.R8, numbers.Skip, done);
        code.Load(Register.R7, WalkMemory.Ip);
        asm.JumpIf(JumpOp.JSGE, Register.R7, 0, user);
        asm.Mov(Register.R7, -1);
        asm.Place(user);
        if (numbers is null)
        {
            asm.LoadMap(Register.R1, MapNames.Kept);
            asm.Mov(Register.R2, Register.R6);
            asm.Add(Register.R2, TrailMemory.Place);
            asm.Call(HelperId.MapLookupElem);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, done);
            asm.Mov(Register.R9, Register.R0);
        }

        asm.Origin = "a run goes on";
        code.Load(Register.R1, TrailMemory.Period);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, search);
        FrameBefore();
        asm.JumpIf(JumpOp.JNE, Register.R2, Register.R7, search);
        code.Load(Register.R3, TrailMemory.Length);
        asm.Sub(Register.R3, 1);
        var trail = numbers is null ? KeptLayout.Trail : TrailMemory.Node + StackNode.Entries;
        Address();
        asm.Load(MemorySize.DW, Register.R2, Register.R3, trail);
        asm.Add(Register.R2, 1);
        asm.Store(MemorySize.DW, Register.R3, trail, Register.R2);
        asm.Jump(note);

        asm.Origin = "does the frame repeat another";
        asm.Place(search);
        // R5 = where the number of the last frame with such an address lies; R1 = how far before this one that is.
        asm.LoadImmediate64(Register.R5, Scatter);
        asm.Mul(Register.R5, Register.R7);
        asm.Rsh(Register.R5, 64 - TrailMemory.SeenBits);
        asm.Lsh(Register.R5, 3);
        asm.Add(Register.R5, Register.R6);
        asm.Load(MemorySize.DW, Register.R2, Register.R5, TrailMemory.Seen);
        asm.Store(MemorySize.DW, Register.R5, TrailMemory.Seen, Register.R8);
        asm.Mov(Register.R1, Register.R8);
        asm.Sub(Register.R1, Register.R2);
        // What walks before have left there is no frame before this one.
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, literal);
        if (numbers is { Skip: > 0 })
        {
            // Nor are those that are left out.
            asm.Mov(Register.R3, Register.R8);
            asm.Sub(Register.R3, numbers.Skip);
            asm.JumpIf(JumpOp.JGE, Register.R1, Register.R3, literal);
        }
        asm.JumpIf(JumpOp.JGE, Register.R1, Register.R8, literal);
        asm.JumpIf(JumpOp.JGT, Register.R1, KeptLayout.LongestPeriod, literal);
        FrameBefore();
        asm.JumpIf(JumpOp.JEQ, Register.R2, Register.R7, repeats);
        asm.Place(literal);
        asm.Store(MemorySize.DW, Register.R6, TrailMemory.Period, 0);
        asm.Mov(Register.R2, Register.R7);
        asm.Jump(append);
        asm.Place(repeats);
        code.Store(TrailMemory.Period, Register.R1);
        // One frame of a run with this period.
        asm.Mov(Register.R2, Register.R1);
        asm.Lsh(Register.R2, KeptLayout.RunPeriodShift);
        asm.LoadImmediate64(Register.R1, unchecked((long)KeptLayout.RunMark) + 1);
        asm.Or(Register.R2, Register.R1);

        asm.Origin = "append to the trail";
        asm.Place(append);
        if (numbers is not null)
            NumberFullNode(code, numbers);
        code.Load(Register.R3, TrailMemory.Length);
        asm.Mov(Register.R1, Register.R3);
        asm.Add(Register.R1, 1);
        code.Store(TrailMemory.Length, Register.R1);
        if (numbers is null)
            asm.Store(MemorySize.DW, Register.R9, KeptLayout.TrailLength, Register.R1);
        Address();
        asm.Store(MemorySize.DW, Register.R3, trail, Register.R2);

        asm.Place(note);
        asm.Mov(Register.R2, Register.R8);
        asm.And(Register.R2, TrailMemory.HistoryCount - 1);
        asm.Lsh(Register.R2, 3);
        asm.Add(Register.R2, Register.R6);
        asm.Store(MemorySize.DW, Register.R2, TrailMemory.History, Register.R7);
        asm.Place(done);
        asm.Mov(Register.R0, 0);
        asm.Exit();

        // R3 = where the entry with the number in R3 lies, less the trail's offset.
        void Address()
        {
            if (numbers is null)
            {
                EntryAddress(asm, code.Target.Trail!);
                return;
            }
            // In the node that is being filled.
            asm.And(Register.R3, StackNode.EntryCount - 1);
            asm.Lsh(Register.R3, 3);
            asm.Add(Register.R3, Register.R6);
        }

        // R2 = the frame that comes R1 frames before this one.
        void FrameBefore()
        {
            asm.Mov(Register.R2, Register.R8);
            asm.Sub(Register.R2, Register.R1);
            asm.And(Register.R2, TrailMemory.HistoryCount - 1);
            asm.Lsh(Register.R2, 3);
            asm.Add(Register.R2, Register.R6);
            asm.Load(MemorySize.DW, Register.R2, Register.R2, TrailMemory.History);
        }
    }

    /// <summary>Numbers the node where it is full. R2 = the entry that follows; changes R9.</summary>
    private static void NumberFullNode(WalkCode code, FrameNumbering numbers)
    {
        var asm = code.Asm;
        var room = asm.CreateLabel("room in the node");
        code.Load(Register.R1, TrailMemory.Length);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, room);
        asm.And(Register.R1, StackNode.EntryCount - 1);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, room);
        var numbered = asm.CreateLabel("numbered");
        asm.Mov(Register.R9, Register.R2);
        asm.Mov(Register.R1, Register.R6);
        asm.Add(Register.R1, TrailMemory.Node);
        asm.Call(numbers.Function);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, numbered);
        asm.Store(MemorySize.DW, Register.R6, TrailMemory.Lost, 1);
        asm.Place(numbered);
        asm.Mov(Register.R2, Register.R9);
        asm.Place(room);
    }

    /// <summary>R3 = where the entry with the number in R3 lies, less the trail's offset; R9 = the kept hit.</summary>
    private static void EntryAddress(Assembler asm, TrailLayout trail)
    {
        var inHead = asm.CreateLabel("in the trail's head");
        asm.JumpIf(JumpOp.JLT, Register.R3, trail.Head, inHead);
        asm.Sub(Register.R3, trail.Head);
        asm.And(Register.R3, trail.Tail - 1);
        asm.Add(Register.R3, trail.Head);
        asm.Place(inHead);
        asm.Lsh(Register.R3, 3);
        asm.Add(Register.R3, Register.R9);
    }
}
