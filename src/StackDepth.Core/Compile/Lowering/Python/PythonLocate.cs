using StackDepth.Native.Asm;
using StackDepth.Native.Python;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>
/// The function that finds a process's runtime and its layout. What was found once is kept under the process's start, id and exec number. Else an address in the code of a CPython leads to
/// it, and the kernel's own mapping of that address is the proof: which file it is, and where it lies. Such an address can be the probe's own, where the program's code begins, or a hint
/// of user space for this process or the one that made it; where none leads on, user space is asked.
/// </summary>
internal static class PythonLocate
{
    private const int Executable = 4; // VM_EXEC
    private const int PageShift = 12;
    private const int Busy = -16; // -EBUSY
    private const int MostBusyTries = 512;

    /// <summary>How long an unanswered question is not put again, in nanoseconds.</summary>
    private const int AskAgain = 100_000_000;

    internal static void Place(PythonCode code)
    {
        var asm = code.Asm;
        var first = asm.CreateLabel("first hit");
        var hints = asm.CreateLabel("hints");
        var layout = asm.CreateLabel("layout");
        asm.Origin = "locate the runtime";
        asm.BeginFunction(code.Locate, "python_locate");
        asm.Mov(Register.R6, Register.R1);
        asm.Store(MemorySize.DW, Register.R10, PythonCode.Context, Register.R6);
        code.Store(PythonMemory.Absent, 0);
        code.Store(PythonMemory.AskKey, 0);
        code.Store(PythonMemory.AskKey + 8, 0);
        code.Store(PythonMemory.AskStart, 0);
        code.Store(PythonMemory.AskEnd, 0);
        code.Store(PythonMemory.AskOffset, 0);

        code.Lookup(PythonMaps.ProcessesName, PythonMemory.Process);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, first);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonMemory.ProcessEntry.Runtime);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, hints);
        code.Store(PythonMemory.Runtime, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonMemory.ProcessEntry.FileKey);
        code.Store(PythonMemory.FileKey, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonMemory.ProcessEntry.FileKey + 8);
        code.Store(PythonMemory.FileKey + 8, Register.R1);
        asm.Jump(layout);

        asm.Place(first);
        code.Load(Register.R2, PythonMemory.Ip);
        Try(code, layout, asks: false);
        code.Load(Register.R2, PythonMemory.StartCode);
        Try(code, layout, asks: false);

        asm.Place(hints);
        TryHint(code, PythonMemory.ProcessId, layout, isOwn: true);
        TryHint(code, PythonMemory.ParentId, layout, isOwn: false);
        Ask(code);

        asm.Place(layout);
        TakeLayout(code);
    }

    /// <summary>A callback of bpf_loop: looks up the mapping of an address, and wants to be called again where the kernel is busy with the process's mappings, which takes microseconds.</summary>
    internal static void PlaceLookUp(PythonCode code)
    {
        var asm = code.Asm;
        var busy = asm.CreateLabel("busy");
        asm.Origin = "look up a mapping";
        asm.BeginFunction(code.LookUp, "python_look_up");
        asm.Load(MemorySize.DW, Register.R6, Register.R2, 0);
        asm.Store(MemorySize.DW, Register.R10, PythonCode.Context, Register.R6);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Mov(Register.R1, Register.R0);
        code.Load(Register.R2, PythonMemory.Address);
        asm.LoadFunction(Register.R3, code.Mapping);
        asm.Mov(Register.R4, Register.R10);
        asm.Add(Register.R4, PythonCode.Context);
        asm.Mov(Register.R5, 0);
        asm.Call(HelperId.FindVma);
        code.Store(PythonMemory.Answer, Register.R0);
        asm.JumpIf(JumpOp.JEQ, Register.R0, Busy, busy);
        code.Return(1);
        asm.Place(busy);
        code.Return(0);
    }

    /// <summary>The function that bpf_find_vma calls with a mapping: writes down what matters.</summary>
    internal static void PlaceMapping(PythonCode code)
    {
        var asm = code.Asm;
        var offsets = code.Offsets;
        var done = asm.CreateLabel("done");
        asm.Origin = "the mapping of an address";
        asm.BeginFunction(code.Mapping, "python_mapping");
        asm.Load(MemorySize.DW, Register.R6, Register.R3, 0);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingStart);
        code.Store(PythonMemory.MappingStart, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingEnd);
        code.Store(PythonMemory.MappingEnd, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingPageOffset);
        asm.Lsh(Register.R3, PageShift);
        code.Store(PythonMemory.MappingOffset, Register.R3);
        code.Store(PythonMemory.MappingFlags, 0);
        asm.Load(MemorySize.DW, Register.R4, Register.R2, offsets.MappingFlags);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingFile);
        asm.JumpIf(JumpOp.JEQ, Register.R3, 0, done);
        code.Store(PythonMemory.MappingFlags, Register.R4);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.FileInode);
        asm.Load(MemorySize.DW, Register.R4, Register.R3, offsets.InodeNumber);
        code.Store(PythonMemory.FileKey, Register.R4);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.InodeSuperBlock);
        asm.Load(MemorySize.W, Register.R3, Register.R3, offsets.SuperBlockDevice);
        code.Store(PythonMemory.FileKey + 8, Register.R3);
        asm.Place(done);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }

    private static void TryHint(PythonCode code, int processId, Label layout, bool isOwn)
    {
        var asm = code.Asm;
        var none = asm.CreateLabel("no hint");
        var hint = asm.CreateLabel("hint");
        code.Lookup(PythonMaps.HintsName, processId);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, none);
        asm.Load(MemorySize.DW, Register.R2, Register.R0, 0);
        asm.JumpIf(JumpOp.JNE, Register.R2, (int)PythonMaps.NoPython, hint);
        if (isOwn)
            code.Store(PythonMemory.Absent, 1);
        asm.Jump(none);
        asm.Place(hint);
        Try(code, layout, asks: isOwn);
        asm.Place(none);
    }

    /// <summary>Goes to <paramref name="layout"/> where the address in R2 is of the code of a CPython, whose runtime's address is then stored; falls through where it is not.</summary>
    private static void Try(PythonCode code, Label layout, bool asks)
    {
        var asm = code.Asm;
        var next = asm.CreateLabel("try the next");
        var idle = asm.CreateLabel("looked up");
        var file = asm.CreateLabel("a CPython's file");
        asm.JumpIf(JumpOp.JEQ, Register.R2, 0, next);
        code.Store(PythonMemory.Address, Register.R2);
        asm.Mov(Register.R1, MostBusyTries);
        asm.LoadFunction(Register.R2, code.LookUp);
        asm.Mov(Register.R3, Register.R10);
        asm.Add(Register.R3, PythonCode.Context);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        code.Load(Register.R0, PythonMemory.Answer);
        asm.JumpIf(JumpOp.JNE, Register.R0, Busy, idle);
        code.Return(StackReason.MappingBusy);
        asm.Place(idle);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, next);
        code.Load(Register.R1, PythonMemory.MappingFlags);
        asm.And(Register.R1, Executable);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, next);
        code.Lookup(PythonMaps.FilesName, PythonMemory.FileKey);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, file);
        if (asks)
        {
            Copy(PythonMemory.FileKey, PythonMemory.AskKey);
            Copy(PythonMemory.FileKey + 8, PythonMemory.AskKey + 8);
            Copy(PythonMemory.MappingStart, PythonMemory.AskStart);
            Copy(PythonMemory.MappingEnd, PythonMemory.AskEnd);
            Copy(PythonMemory.MappingOffset, PythonMemory.AskOffset);
        }
        asm.Jump(next);

        asm.Place(file);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonFileEntry.RuntimeFromCodeAt);
        code.Load(Register.R2, PythonMemory.MappingStart);
        asm.Add(Register.R1, Register.R2);
        code.Load(Register.R2, PythonMemory.MappingOffset);
        asm.Sub(Register.R1, Register.R2);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, next);
        code.Store(PythonMemory.Runtime, Register.R1);
        code.Store(PythonMemory.NewProcess + PythonMemory.ProcessEntry.Runtime, Register.R1);
        Copy(PythonMemory.FileKey, PythonMemory.NewProcess + PythonMemory.ProcessEntry.FileKey);
        Copy(PythonMemory.FileKey + 8, PythonMemory.NewProcess + PythonMemory.ProcessEntry.FileKey + 8);
        code.Store(PythonMemory.NewProcess + PythonMemory.ProcessEntry.Asked, 0);
        StoreProcess(code);
        asm.Jump(layout);
        asm.Place(next);

        void Copy(int from, int to)
        {
            code.Load(Register.R1, from);
            code.Store(to, Register.R1);
        }
    }

    /// <summary>Where there is no room, the next hit finds it anew.</summary>
    private static void StoreProcess(PythonCode code)
    {
        var asm = code.Asm;
        asm.LoadMap(Register.R1, PythonMaps.ProcessesName);
        asm.Mov(Register.R2, Register.R6);
        asm.Add(Register.R2, PythonMemory.Process);
        asm.Mov(Register.R3, Register.R6);
        asm.Add(Register.R3, PythonMemory.NewProcess);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.MapUpdateElem);
    }

    /// <summary>Asks user space, unless it was asked this very moment, and leaves the function.</summary>
    private static void Ask(PythonCode code)
    {
        var asm = code.Asm;
        var fresh = asm.CreateLabel("a process that was not met");
        var ask = asm.CreateLabel("ask");
        var answer = asm.CreateLabel("answer");
        var pending = asm.CreateLabel("pending");
        asm.Call(HelperId.KtimeGetNs);
        asm.Mov(Register.R7, Register.R0);
        code.Lookup(PythonMaps.ProcessesName, PythonMemory.Process);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, fresh);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonMemory.ProcessEntry.Asked);
        asm.Mov(Register.R2, Register.R7);
        asm.Sub(Register.R2, Register.R1);
        asm.JumpIf(JumpOp.JLT, Register.R2, AskAgain, answer);
        asm.Store(MemorySize.DW, Register.R0, PythonMemory.ProcessEntry.Asked, Register.R7);
        asm.Jump(ask);
        asm.Place(fresh);
        code.Store(PythonMemory.NewProcess, 0);
        code.Store(PythonMemory.NewProcess + PythonMemory.ProcessEntry.FileKey, 0);
        code.Store(PythonMemory.NewProcess + PythonMemory.ProcessEntry.FileKey + 8, 0);
        code.Store(PythonMemory.NewProcess + PythonMemory.ProcessEntry.Asked, Register.R7);
        StoreProcess(code);

        asm.Place(ask);
        asm.LoadMap(Register.R1, PythonMaps.RequestsName);
        asm.Mov(Register.R2, UnwindRequest.Size);
        asm.Mov(Register.R3, 0);
        asm.Call(HelperId.RingbufReserve);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, answer);
        Copy(PythonMemory.AskKey, 0, MemorySize.DW);
        Copy(PythonMemory.AskKey + 8, 8, MemorySize.W);
        Copy(PythonMemory.ProcessId, 12, MemorySize.W);
        Copy(PythonMemory.AskStart, 16, MemorySize.DW);
        Copy(PythonMemory.AskEnd, 24, MemorySize.DW);
        Copy(PythonMemory.AskOffset, 32, MemorySize.DW);
        asm.Mov(Register.R1, Register.R0);
        asm.Mov(Register.R2, 0);
        asm.Call(HelperId.RingbufSubmit);

        asm.Place(answer);
        code.Load(Register.R1, PythonMemory.Absent);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, pending);
        code.Return(StackReason.PythonAbsent);
        asm.Place(pending);
        code.Return(StackReason.PythonPending);

        void Copy(int from, int to, MemorySize size)
        {
            asm.Load(size, Register.R1, Register.R6, from);
            asm.Store(size, Register.R0, to, Register.R1);
        }
    }

    private static void TakeLayout(PythonCode code)
    {
        var asm = code.Asm;
        var known = asm.CreateLabel("file known");
        var supported = asm.CreateLabel("supported");
        code.Lookup(PythonMaps.FilesName, PythonMemory.FileKey);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, known);
        code.Return(StackReason.PythonPending);
        asm.Place(known);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonFileEntry.KindAt);
        asm.JumpIf(JumpOp.JEQ, Register.R1, (int)PythonFileKind.Supported, supported);
        code.Return(StackReason.PythonUnsupported);
        asm.Place(supported);
        for (var word = 0; word < PythonLayout.Size; word += sizeof(long))
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R0, PythonFileEntry.LayoutAt + word);
            code.Store(PythonMemory.Layout + word, Register.R1);
        }
        code.Return(0);
    }
}
