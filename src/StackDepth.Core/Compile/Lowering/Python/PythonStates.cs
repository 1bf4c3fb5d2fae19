using StackDepth.Native.Asm;
using StackDepth.Native.Python;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>
/// The functions that find the state of the thread that hit: the holder of the one GIL (up to 3.11) where that is this thread's, else in the lists of all interpreters. Other threads may
/// change the lists meanwhile. This thread's own states they do not touch, so what must be seen is only that the way along the list was whole: each state belongs to the
/// interpreter, and names the one before it; where it does not, the search begins anew.
/// </summary>
internal static class PythonStates
{
    /// <summary>Whose a state is that was read.</summary>
    internal const int Other = 0;

    internal const int Own = 1;

    /// <summary>Its memory is not there.</summary>
    internal const int Unreadable = 2;

    /// <summary>By its pthread this thread's, by its thread id another's: of a thread that has ended, or of the other side of a fork.</summary>
    internal const int DoubtfullyOwn = 3;

    private const int Active = 1 << 4; // _status.active, Include/cpython/pystate.h
    private const int MostStates = 8192;
    private const int MostRestarts = 8;

    /// <summary>Reads the state at <see cref="PythonMemory.State"/>.</summary>
    internal static void PlaceRead(PythonCode code)
    {
        var asm = code.Asm;
        var unreadable = asm.CreateLabel("unreadable");
        var other = asm.CreateLabel("another thread's");
        var named = asm.CreateLabel("named");
        var frame = asm.CreateLabel("frame");
        asm.Origin = "read a thread state";
        asm.BeginFunction(code.ReadState, "python_state");
        asm.Mov(Register.R6, Register.R1);
        code.Load(Register.R3, PythonMemory.State);
        code.RequireAligned(Register.R3, unreadable);
        code.ReadStructure(PythonLayout.At.StateBytes, unreadable);
        code.Field(Register.R1, PythonLayout.At.StateThreadId);
        code.Load(Register.R2, PythonMemory.ThreadId);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, other);
        asm.Mov(Register.R7, Own);
        code.Layout(Register.R1, PythonLayout.At.StateNativeId);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, named);
        code.Field(Register.R1, PythonLayout.At.StateNativeId);
        code.Load(Register.R2, PythonMemory.NativeId);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R2, named);
        asm.Mov(Register.R7, DoubtfullyOwn);

        asm.Place(named);
        code.Field(Register.R0, PythonLayout.At.StateFrame);
        code.Layout(Register.R1, PythonLayout.At.CFrameFrame);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, frame);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, frame);
        asm.Mov(Register.R3, Register.R0);
        asm.Add(Register.R3, Register.R1);
        asm.Sub(Register.R3, 1);
        code.ReadWord(unreadable);
        asm.Place(frame);
        code.Store(PythonMemory.StateFrame, Register.R0);
        asm.Mov(Register.R0, Register.R7);
        asm.Exit();
        asm.Place(other);
        code.Return(Other);
        asm.Place(unreadable);
        code.Return(Unreadable);
    }

    internal static void PlaceFind(PythonCode code)
    {
        var asm = code.Asm;
        var list = asm.CreateLabel("the lists");
        var unreadable = asm.CreateLabel("unreadable");
        asm.Origin = "find the thread's state";
        asm.BeginFunction(code.FindState, "python_find");
        asm.Mov(Register.R6, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, PythonCode.Context, Register.R6);
        code.Store(PythonMemory.Doubtful, 0);
        code.Layout(Register.R3, PythonLayout.At.CurrentState);
        asm.JumpIf(JumpOp.JEQ, Register.R3, 0, list);
        code.Load(Register.R1, PythonMemory.Runtime);
        asm.Add(Register.R3, Register.R1);
        code.ReadWord(unreadable);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, list);
        code.Store(PythonMemory.State, Register.R0);
        asm.Mov(Register.R1, Register.R6);
        asm.Call(code.ReadState);
        asm.JumpIf(JumpOp.JNE, Register.R0, Own, list);
        TakeFound(code);
        code.Return(0);

        asm.Place(list);
        code.Layout(Register.R3, PythonLayout.At.InterpretersHead);
        code.Load(Register.R1, PythonMemory.Runtime);
        asm.Add(Register.R3, Register.R1);
        code.ReadWord(unreadable);
        code.Store(PythonMemory.FirstInterpreter, Register.R0);
        code.Store(PythonMemory.NextInterpreter, Register.R0);
        code.Store(PythonMemory.State, 0);
        code.Store(PythonMemory.Restarts, 0);
        code.Store(PythonMemory.Found, 0);
        // So it ends where the lists are longer than they may be.
        code.Store(PythonMemory.End, (int)StackReason.PythonBusy);
        asm.Mov(Register.R1, MostStates);
        asm.LoadFunction(Register.R2, code.StateStep);
        asm.Mov(Register.R3, Register.R10);
        asm.Add(Register.R3, PythonCode.Context);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        code.Load(Register.R0, PythonMemory.End);
        asm.Exit();
        asm.Place(unreadable);
        code.Return(StackReason.ReadFailed);
    }

    /// <summary>A callback of bpf_loop: takes the next interpreter, or looks at the next state of this one.</summary>
    internal static void PlaceStep(PythonCode code)
    {
        var asm = code.Asm;
        var state = asm.CreateLabel("a state");
        var more = asm.CreateLabel("more");
        var restart = asm.CreateLabel("restart");
        asm.Origin = "step along the thread states";
        asm.BeginFunction(code.StateStep, "python_states");
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        code.Load(Register.R1, PythonMemory.State);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, state);
        NextInterpreter(code, restart);

        asm.Place(state);
        asm.Mov(Register.R1, Register.R6);
        asm.Call(code.ReadState);
        asm.Mov(Register.R7, Register.R0);
        asm.JumpIf(JumpOp.JEQ, Register.R7, Unreadable, restart);
        code.Field(Register.R1, PythonLayout.At.StateInterpreter);
        code.Load(Register.R2, PythonMemory.Interpreter);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, restart);
        code.Field(Register.R1, PythonLayout.At.StatePrevious);
        code.Load(Register.R2, PythonMemory.PreviousState);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, restart);
        code.Load(Register.R1, PythonMemory.State);
        code.Store(PythonMemory.PreviousState, Register.R1);
        code.Field(Register.R1, PythonLayout.At.StateNext);
        code.Store(PythonMemory.State, Register.R1);
        asm.JumpIf(JumpOp.JEQ, Register.R7, Other, more);
        Take(code, more);
        asm.Place(more);
        code.Return(0);

        asm.Place(restart);
        var again = asm.CreateLabel("again");
        code.Load(Register.R1, PythonMemory.Restarts);
        asm.Add(Register.R1, 1);
        code.Store(PythonMemory.Restarts, Register.R1);
        asm.JumpIf(JumpOp.JLE, Register.R1, MostRestarts, again);
        code.End(StackReason.PythonBusy);
        asm.Place(again);
        code.Load(Register.R1, PythonMemory.FirstInterpreter);
        code.Store(PythonMemory.NextInterpreter, Register.R1);
        code.Store(PythonMemory.State, 0);
        code.Store(PythonMemory.Found, 0);
        code.Store(PythonMemory.Doubtful, 0);
        code.Return(0);
    }

    private static void NextInterpreter(PythonCode code, Label restart)
    {
        var asm = code.Asm;
        var some = asm.CreateLabel("an interpreter");
        var misaligned = asm.CreateLabel("misaligned");
        code.Load(Register.R7, PythonMemory.NextInterpreter);
        asm.JumpIf(JumpOp.JNE, Register.R7, 0, some);
        code.Store(PythonMemory.End, 0);
        code.Return(1, "all were seen");
        asm.Place(misaligned);
        code.End(StackReason.PythonUnsupported);

        asm.Place(some);
        code.RequireAligned(Register.R7, misaligned);
        code.Layout(Register.R3, PythonLayout.At.InterpreterStart);
        asm.Add(Register.R3, Register.R7);
        code.ReadStructure(PythonLayout.At.InterpreterBytes, restart);
        code.Store(PythonMemory.Interpreter, Register.R7);
        code.Field(Register.R1, PythonLayout.At.InterpreterNext);
        code.Store(PythonMemory.NextInterpreter, Register.R1);
        code.Field(Register.R1, PythonLayout.At.InterpreterThreads);
        // An interpreter without a thread is about to begin or to end, or these are no interpreters.
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, restart);
        code.Store(PythonMemory.State, Register.R1);
        code.Store(PythonMemory.PreviousState, 0);
        code.Return(0);
    }

    /// <summary>A state of this thread: R7 says how surely. Ends the search where it is the thread's current one.</summary>
    private static void Take(PythonCode code, Label more)
    {
        var asm = code.Asm;
        var any = asm.CreateLabel("perhaps not the current one");
        var doubtful = asm.CreateLabel("doubtful");
        asm.JumpIf(JumpOp.JNE, Register.R7, Own, any);
        code.Layout(Register.R1, PythonLayout.At.StateStatus);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, any);
        code.Field(Register.R1, PythonLayout.At.StateStatus, MemorySize.W);
        asm.And(Register.R1, Active);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, any);
        TakeFound(code);
        code.Store(PythonMemory.Doubtful, 0);
        code.Store(PythonMemory.End, 0);
        code.Return(1, "the current one");

        asm.Place(any);
        code.Load(Register.R2, PythonMemory.StateFrame);
        asm.JumpIf(JumpOp.JEQ, Register.R2, 0, more);
        asm.JumpIf(JumpOp.JNE, Register.R7, Own, doubtful);
        Count(PythonMemory.Found, PythonMemory.FoundFrame);
        asm.Place(doubtful);
        Count(PythonMemory.Doubtful, PythonMemory.DoubtfulFrame);

        // The newest interpreter is the first in the list: an inner one before an outer one.
        void Count(int count, int frame)
        {
            var notFirst = asm.CreateLabel("not the first");
            code.Load(Register.R1, count);
            asm.JumpIf(JumpOp.JNE, Register.R1, 0, notFirst);
            code.Store(frame, Register.R2);
            asm.Place(notFirst);
            asm.Add(Register.R1, 1);
            code.Store(count, Register.R1);
            asm.Jump(more);
        }
    }

    private static void TakeFound(PythonCode code)
    {
        code.Store(PythonMemory.Found, 1);
        code.Load(Register.R1, PythonMemory.StateFrame);
        code.Store(PythonMemory.FoundFrame, Register.R1);
    }
}
