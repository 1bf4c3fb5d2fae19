using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile.Lowering.Walks;

/// <summary>
/// Finds the mapping of an address in the kernel (bpf_find_vma, Linux 5.17), so that nobody has to follow a process's mappings from outside: no stale mapping can answer. What
/// was found is kept for as long as the process's mappings do not change.
/// </summary>
internal static class MappingStep
{
    /// <summary>How often a walk tries again to look up mappings while the kernel is busy with them; some 0.2 us each.</summary>
    internal const int MostBusyTries = 512;

    private const int Executable = 4; // VM_EXEC
    private const int PageShift = 12;
    private const int Busy = -16; // -EBUSY
    private const int NoExist = 1; // BPF_NOEXIST

    /// <summary>Kinds of mappings.</summary>
    private const int Anonymous = 0;

    private const int File = 1;
    private const int Vdso = 2;

    /// <summary>R8 = the cache's entry for the mapping of the address in R7, found and filled if it must be. Ends the walk where there is none.</summary>
    internal static void Find(WalkCode code, Label callback)
    {
        var asm = code.Asm;
        var find = asm.CreateLabel("find the mapping");
        var found = asm.CreateLabel("mapping found");
        var known = asm.CreateLabel("mapping known");
        code.SegmentPlace(Register.R8, Register.R1);
        asm.Add(Register.R8, Register.R6);
        asm.Load(MemorySize.DW, Register.R1, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.Epoch);
        code.Load(Register.R2, WalkMemory.Epoch);
        asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, find);
        asm.Mov(Register.R2, Register.R7);
        asm.Load(MemorySize.DW, Register.R1, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.Start);
        asm.Sub(Register.R2, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R8, WalkMemory.Segments + WalkMemory.SegmentEntry.Length);
        asm.JumpIf(JumpOp.JLT, Register.R2, Register.R1, known);

        asm.Place(find);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Mov(Register.R1, Register.R0);
        asm.Mov(Register.R2, Register.R7);
        asm.LoadFunction(Register.R3, callback);
        asm.Load(MemorySize.DW, Register.R4, Register.R10, WalkCode.Context);
        asm.Mov(Register.R5, 0);
        asm.Call(HelperId.FindVma);
        var unmapped = asm.CreateLabel("unmapped");
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, found);
        asm.JumpIf(JumpOp.JNE, Register.R0, Busy, unmapped);
        // Another thread is changing the mappings, which takes microseconds: the next call tries again.
        var tryAgain = asm.CreateLabel("try again");
        code.Load(Register.R1, WalkMemory.BusyTries);
        asm.Add(Register.R1, 1);
        code.Store(WalkMemory.BusyTries, Register.R1);
        asm.JumpIf(JumpOp.JLE, Register.R1, MostBusyTries, tryAgain);
        code.End(StackReason.MappingBusy);
        asm.Place(tryAgain);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        asm.Place(unmapped);
        code.End(StackReason.UnmappedCode);

        asm.Place(found);
        code.Load(Register.R1, WalkMemory.MappingFlags);
        asm.And(Register.R1, Executable);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, unmapped);
        Fill(code);
        asm.Place(known);
    }

    /// <summary>The function that bpf_find_vma calls with the mapping: writes down what matters.</summary>
    internal static void PlaceCallback(Assembler asm, KernelOffsets offsets, Label callback, string name)
    {
        asm.Origin = "the mapping of an address";
        asm.BeginFunction(callback, name);
        var done = asm.CreateLabel("done");
        asm.Load(MemorySize.DW, Register.R6, Register.R3, 0);
        asm.Load(MemorySize.DW, Register.R1, Register.R2, offsets.MappingStart);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingStart, Register.R1);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingEnd);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingEnd, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingPageOffset);
        asm.Lsh(Register.R3, PageShift);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingOffset, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingFlags);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingFlags, Register.R3);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.FileKey, -1);
        asm.Mov32(Register.R3, -1);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.FileKey + 8, Register.R3);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingKind, File);

        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingFile);
        var noFile = asm.CreateLabel("no file");
        asm.JumpIf(JumpOp.JEQ, Register.R3, 0, noFile);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.FileInode);
        asm.Load(MemorySize.DW, Register.R4, Register.R3, offsets.InodeNumber);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.FileKey, Register.R4);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.InodeSuperBlock);
        asm.Load(MemorySize.W, Register.R3, Register.R3, offsets.SuperBlockDevice);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.FileKey + 8, Register.R3);
        asm.Jump(done);

        asm.Place(noFile);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingKind, Anonymous);
        asm.Load(MemorySize.DW, Register.R3, Register.R2, offsets.MappingMemory);
        asm.Load(MemorySize.DW, Register.R3, Register.R3, offsets.MemoryVdso);
        asm.JumpIf(JumpOp.JNE, Register.R3, Register.R1, done);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingKind, Vdso);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.MappingOffset, 0);
        asm.Place(done);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }

    /// <summary>Fills the cache's entry at R8 for the mapping that was found, from its file's entry.</summary>
    private static void Fill(WalkCode code)
    {
        var asm = code.Asm;
        var ready = asm.CreateLabel("table ready");
        var store = asm.CreateLabel("keep the mapping");
        var request = asm.CreateLabel("ask for the table");
        var unusable = asm.CreateLabel("table unusable");
        var pending = asm.CreateLabel("table pending");

        // Code without a file is code that the program made: there are no rows for it.
        code.Load(Register.R1, WalkMemory.MappingKind);
        asm.Mov(Register.R2, 0);
        asm.Mov(Register.R3, 0);
        asm.Mov(Register.R4, 0);
        asm.Mov(Register.R5, 0);
        if (code.CountsInPlain)
            code.Store(WalkMemory.MarkedStart, Register.R2);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Anonymous, store);

        asm.LoadMap(Register.R1, UnwindMaps.FilesName);
        asm.Mov(Register.R2, Register.R6);
        asm.Add(Register.R2, WalkMemory.FileKey);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, request);
        asm.Load(MemorySize.W, Register.R1, Register.R0, UnwindFileEntry.FlagsAt);
        asm.JumpIf(JumpOp.JSET, Register.R1, (int)UnwindFileFlags.Ready, ready);
        asm.Mov(Register.R2, 0);
        asm.Mov(Register.R3, 0);
        asm.Mov(Register.R4, 0);
        asm.Mov(Register.R5, 0);
        asm.JumpIf(JumpOp.JSET, Register.R1, (int)UnwindFileFlags.NoTable, store);
        asm.JumpIf(JumpOp.JSET, Register.R1, (int)UnwindFileFlags.Unusable, unusable);
        asm.Place(pending);
        code.End(StackReason.TablePending);
        asm.Place(unusable);
        code.End(StackReason.TableUnusable);

        asm.Place(request);
        Request(code, pending);

        asm.Place(ready);
        // R2 = index word and first page, R3 = page count, R4 and R5 = where code keeps frame pointers, as addresses.
        asm.Load(MemorySize.DW, Register.R2, Register.R0, UnwindFileEntry.IndexWordAt);
        asm.Load(MemorySize.W, Register.R3, Register.R0, UnwindFileEntry.PageCountAt);
        asm.Load(MemorySize.W, Register.R4, Register.R0, UnwindFileEntry.PlainStartAt);
        asm.Load(MemorySize.W, Register.R5, Register.R0, UnwindFileEntry.PlainLengthAt);
        if (code.CountsInPlain)
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R0, UnwindFileEntry.MarkedStartAt);
            code.Store(WalkMemory.MarkedStart, Register.R1);
        }

        asm.Place(store);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.IndexWord), Register.R2);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.PageCount), Register.R3);
        code.Load(Register.R1, WalkMemory.MappingStart);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.Start), Register.R1);
        code.Load(Register.R2, WalkMemory.MappingEnd);
        asm.Sub(Register.R2, Register.R1);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.Length), Register.R2);
        code.Load(Register.R2, WalkMemory.MappingOffset);
        asm.Sub(Register.R2, Register.R1);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.Offset), Register.R2);
        // The plain stretch as addresses, no further than the mapping goes: R4 its start, R5 its length.
        var afterStart = asm.CreateLabel("begins in the mapping");
        var beforeEnd = asm.CreateLabel("ends in the mapping");
        var some = asm.CreateLabel("some of it is mapped");
        asm.Sub(Register.R4, Register.R2);
        asm.Add(Register.R5, Register.R4);
        asm.JumpIf(JumpOp.JSGE, Register.R4, Register.R1, afterStart);
        asm.Mov(Register.R4, Register.R1);
        asm.Place(afterStart);
        code.Load(Register.R3, WalkMemory.MappingEnd);
        asm.JumpIf(JumpOp.JSLE, Register.R5, Register.R3, beforeEnd);
        asm.Mov(Register.R5, Register.R3);
        asm.Place(beforeEnd);
        asm.Sub(Register.R5, Register.R4);
        asm.JumpIf(JumpOp.JSGE, Register.R5, 0, some);
        asm.Mov(Register.R5, 0);
        asm.Place(some);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.PlainStart), Register.R4);
        // Both stores clear what lies behind the page count and the length.
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.PlainLength), Register.R5);
        if (code.CountsInPlain)
        {
            code.Load(Register.R1, WalkMemory.MarkedStart);
            asm.Store(MemorySize.W, Register.R8, Field(WalkMemory.SegmentEntry.MarkedStart), Register.R1);
            asm.Rsh(Register.R1, 32);
            asm.Store(MemorySize.W, Register.R8, Field(WalkMemory.SegmentEntry.MarkedLength), Register.R1);
        }
        code.Load(Register.R1, WalkMemory.Epoch);
        asm.Store(MemorySize.DW, Register.R8, Field(WalkMemory.SegmentEntry.Epoch), Register.R1);
    }

    /// <summary>Asks user space for the table of the file, once for each file: an empty entry marks that it was asked for.</summary>
    private static void Request(WalkCode code, Label pending)
    {
        var asm = code.Asm;
        var full = asm.CreateLabel("no room for the request");
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.EmptyFile, 0);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.EmptyFile + 8, 0);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.EmptyFile + 16, 0);
        asm.Store(MemorySize.DW, Register.R6, WalkMemory.EmptyFile + 24, 0);
        asm.LoadMap(Register.R1, UnwindMaps.FilesName);
        asm.Mov(Register.R2, Register.R6);
        asm.Add(Register.R2, WalkMemory.FileKey);
        asm.Mov(Register.R3, Register.R6);
        asm.Add(Register.R3, WalkMemory.EmptyFile);
        asm.Mov(Register.R4, NoExist);
        asm.Call(HelperId.MapUpdateElem);
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, pending);
        asm.LoadMap(Register.R1, UnwindMaps.RequestsName);
        asm.Mov(Register.R2, UnwindRequest.Size);
        asm.Mov(Register.R3, 0);
        asm.Call(HelperId.RingbufReserve);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, full);
        asm.Mov(Register.R9, Register.R0);
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        asm.Store(MemorySize.W, Register.R9, 12, Register.R0);
        Copy(WalkMemory.FileKey, 0, MemorySize.DW);
        Copy(WalkMemory.FileKey + 8, 8, MemorySize.W);
        Copy(WalkMemory.MappingStart, 16, MemorySize.DW);
        Copy(WalkMemory.MappingEnd, 24, MemorySize.DW);
        Copy(WalkMemory.MappingOffset, 32, MemorySize.DW);
        asm.Mov(Register.R1, Register.R9);
        asm.Mov(Register.R2, 0);
        asm.Call(HelperId.RingbufSubmit);
        asm.Jump(pending);

        // The next one to meet the file asks again.
        asm.Place(full);
        asm.LoadMap(Register.R1, UnwindMaps.FilesName);
        asm.Mov(Register.R2, Register.R6);
        asm.Add(Register.R2, WalkMemory.FileKey);
        asm.Call(HelperId.MapDeleteElem);
        asm.Jump(pending);

        void Copy(int from, int to, MemorySize size)
        {
            asm.Load(size, Register.R1, Register.R6, from);
            asm.Store(size, Register.R9, to, Register.R1);
        }
    }

    private static int Field(int field) => WalkMemory.Segments + field;
}
