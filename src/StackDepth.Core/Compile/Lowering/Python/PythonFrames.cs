using StackDepth.Native.Asm;
using StackDepth.Native.Python;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>
/// The callback of bpf_loop that steps over a frame. What counts is what <c>sys._getframe()</c> and <c>f_back</c> show: not the frames with which C enters the interpreter, and not those that
/// have not come to their first traceable instruction (<c>_PyFrame_IsIncomplete</c>, Include/internal/pycore_frame.h).
/// </summary>
internal static class PythonFrames
{
    private const int OwnedByGenerator = 1;

    /// <summary>Frames with this owner, or a greater one, are the interpreter's or the C stack's.</summary>
    private const int OwnedByInterpreter = 3;

    private const int LastOwner = 4;
    private const long Golden = unchecked((long)0x9e37_79b9_7f4a_7c15); // 2^64 / the golden ratio: spreads addresses of like objects
    private const int TagBits = 3; // the lowest bits of a _PyStackRef (3.14)

    internal static void Place(PythonCode code)
    {
        var asm = code.Asm;
        var some = asm.CreateLabel("a frame");
        var corrupt = asm.CreateLabel("corrupt");
        var unreadable = asm.CreateLabel("unreadable");
        var next = asm.CreateLabel("next");
        var count = asm.CreateLabel("count");
        asm.Origin = "step over a Python frame";
        asm.BeginFunction(code.FrameStep, "python_frame");
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        code.Load(Register.R7, PythonMemory.Frame);
        asm.JumpIf(JumpOp.JNE, Register.R7, 0, some);
        code.Store(PythonMemory.End, PythonMemory.Outermost);
        code.Return(1, "the outermost frame");

        asm.Place(some);
        code.RequireAligned(Register.R7, corrupt);
        FindCircle(code, corrupt);
        Read(code, unreadable);
        Field(code, Register.R8, PythonLayout.At.FramePrevious);
        Judge(code, count, next, corrupt, unreadable);

        asm.Place(count);
        var within = asm.CreateLabel("within the limit");
        code.Load(Register.R1, PythonMemory.Depth);
        asm.JumpIf(JumpOp.JLT, Register.R1, code.MaxFrames, within);
        code.End(StackReason.FrameLimit);
        asm.Place(within);
        asm.Add(Register.R1, 1);
        code.Store(PythonMemory.Depth, Register.R1);
        asm.Place(next);
        code.Load(Register.R1, PythonMemory.Frame);
        code.Store(PythonMemory.LastFrame, Register.R1);
        code.Store(PythonMemory.Frame, Register.R8);
        code.Return(0);

        asm.Place(corrupt);
        code.End(StackReason.Corrupt);
        asm.Place(unreadable);
        code.End(StackReason.ReadFailed);
    }

    /// <summary>Goes to <paramref name="corrupt"/> where the frame in R7 was met before: it is compared with one that is replaced after 1, 2, 4, 8 ... steps (Brent's algorithm).</summary>
    private static void FindCircle(PythonCode code, Label corrupt)
    {
        var asm = code.Asm;
        var kept = asm.CreateLabel("landmark kept");
        code.Load(Register.R1, PythonMemory.Landmark);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R7, corrupt);
        code.Load(Register.R1, PythonMemory.Steps);
        asm.Add(Register.R1, 1);
        code.Store(PythonMemory.Steps, Register.R1);
        code.Load(Register.R2, PythonMemory.NextLandmark);
        asm.JumpIf(JumpOp.JLT, Register.R1, Register.R2, kept);
        code.Store(PythonMemory.Landmark, Register.R7);
        asm.Lsh(Register.R2, 1);
        code.Store(PythonMemory.NextLandmark, Register.R2);
        asm.Place(kept);
    }

    /// <summary>
    /// R7 = the frame at the address in R7, in the block that was read last, or in a new one. Frames of running functions lie one behind the other: where the last step led a little
    /// way down, the block is all from the start of the frame's page to the frame's end, which is there because the frame is; else it is the frame alone.
    /// </summary>
    private static void Read(PythonCode code, Label unreadable)
    {
        var asm = code.Asm;
        var hit = asm.CreateLabel("in the block");
        var miss = asm.CreateLabel("not in the block");
        var read = asm.CreateLabel("read");
        code.Layout(Register.R1, PythonLayout.At.FrameStart);
        asm.Add(Register.R7, Register.R1);
        asm.Mov(Register.R9, Register.R7);
        code.Load(Register.R1, PythonMemory.BlockAddress);
        asm.Sub(Register.R9, Register.R1);
        code.Load(Register.R1, PythonMemory.BlockLast);
        asm.JumpIf(JumpOp.JGT, Register.R9, Register.R1, miss);
        asm.JumpIf(JumpOp.JLT, Register.R9, PythonMemory.PageBytes, hit);

        asm.Place(miss);
        asm.Mov(Register.R9, 0);
        code.Load(Register.R1, PythonMemory.LastFrame);
        code.Load(Register.R2, PythonMemory.Frame);
        asm.Sub(Register.R1, Register.R2);
        asm.JumpIf(JumpOp.JGT, Register.R1, PythonMemory.PageBytes, read);
        asm.Mov(Register.R9, Register.R7);
        asm.And(Register.R9, PythonMemory.PageBytes - 1);
        asm.Place(read);
        asm.Sub(Register.R7, Register.R9);
        // So nothing in the block may be used if it cannot be read.
        code.Store(PythonMemory.BlockAddress, Register.R7);
        code.Store(PythonMemory.BlockLast, Register.R9);
        code.Layout(Register.R2, PythonLayout.At.FrameBytes);
        asm.JumpIf(JumpOp.JGT, Register.R2, PythonLayout.MostBytes, unreadable);
        asm.Add(Register.R2, Register.R9);
        asm.Mov(Register.R1, Register.R6);
        asm.Add(Register.R1, PythonMemory.Block);
        asm.Mov(Register.R3, Register.R7);
        asm.Call(HelperId.ProbeReadUser);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, unreadable);
        asm.Place(hit);
        asm.Mov(Register.R7, Register.R6);
        asm.Add(Register.R7, Register.R9);
    }

    /// <summary><paramref name="destination"/> = a field of the frame at R7.</summary>
    private static void Field(PythonCode code, Register destination, int field, MemorySize size = MemorySize.DW)
    {
        code.Layout(destination, field);
        code.Asm.And(destination, size == MemorySize.DW ? 0xf8 : 0xff);
        code.Asm.Add(destination, Register.R7);
        code.Asm.Load(size, destination, destination, PythonMemory.Block);
    }

    /// <summary>Whether the frame at R7 counts: falls through to <paramref name="count"/>, or goes to <paramref name="next"/> where it does not.</summary>
    private static void Judge(PythonCode code, Label count, Label next, Label corrupt, Label unreadable)
    {
        var asm = code.Asm;
        var known = asm.CreateLabel("code known");
        var unknown = asm.CreateLabel("code not known");
        code.Layout(Register.R1, PythonLayout.At.CodeFirstTraceable);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, count);
        Field(code, Register.R1, PythonLayout.At.FrameOwner, MemorySize.B);
        asm.JumpIf(JumpOp.JGT, Register.R1, LastOwner, corrupt);
        asm.JumpIf(JumpOp.JGE, Register.R1, OwnedByInterpreter, next);
        asm.JumpIf(JumpOp.JEQ, Register.R1, OwnedByGenerator, count);
        Field(code, Register.R1, PythonLayout.At.FrameCode);
        asm.And(Register.R1, ~TagBits);
        code.Store(PythonMemory.Code, Register.R1);
        // R9 = the place of the code object among those that were met.
        asm.LoadImmediate64(Register.R9, Golden);
        asm.Mul(Register.R9, Register.R1);
        asm.Rsh(Register.R9, 64 - PythonMemory.CodeBits);
        asm.Mul(Register.R9, PythonMemory.CodeBytes);
        asm.Add(Register.R9, Register.R6);
        asm.Load(MemorySize.DW, Register.R2, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.Count);
        code.Load(Register.R3, PythonMemory.CountNumber);
        asm.JumpIf(JumpOp.JNE, Register.R2, Register.R3, unknown);
        asm.Load(MemorySize.DW, Register.R2, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.Address);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, known);
        asm.Place(unknown);
        code.Layout(Register.R3, PythonLayout.At.CodeFirstTraceable);
        asm.Add(Register.R3, Register.R1);
        code.ReadWord(unreadable);
        // An int; what lies behind it came with it.
        asm.Lsh(Register.R0, 32);
        asm.Rsh(Register.R0, 32);
        asm.Lsh(Register.R0, 1); // two bytes an instruction
        code.Layout(Register.R1, PythonLayout.At.CodeBytecode);
        asm.Add(Register.R0, Register.R1);
        code.Load(Register.R1, PythonMemory.Code);
        asm.Add(Register.R0, Register.R1);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.Address, Register.R1);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.First, Register.R0);
        code.Load(Register.R1, PythonMemory.CountNumber);
        asm.Store(MemorySize.DW, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.Count, Register.R1);
        asm.Place(known);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, PythonMemory.Codes + PythonMemory.CodeEntry.First);
        Field(code, Register.R2, PythonLayout.At.FrameInstruction);
        asm.JumpIf(JumpOp.JLT, Register.R2, Register.R1, next);
    }
}
