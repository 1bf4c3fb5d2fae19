using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using static StackDepth.Compile.Lowering.Activations.ActivationLayout;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>Finds the record of the current thread and site, or begins one, and tells which stack the thread is on.</summary>
internal sealed class ThreadRecord
{
    private const int UserSp = 152;
    private const int NoExist = 1; // BPF_NOEXIST
    private const int ForkedWithoutExec = 0x40; // PF_FORKNOEXEC
    private const int OnAlternate = 0;
    private const int OnAnother = 1;

    private readonly LoweringContext _context;
    private readonly Assembler _asm;
    private readonly KernelOffsets _offsets;
    private readonly int _key;
    private readonly int _doubt;
    private readonly int _started;
    private readonly int _execId;

    private ThreadRecord(LoweringContext context, int key, int doubt)
    {
        _context = context;
        _asm = context.Asm;
        _offsets = context.Target.Fields ?? throw new InvalidOperationException("Recursion needs the kernel's fields, and the target of the compilation has none.");
        (_key, _doubt) = (key, doubt);
        _started = context.Allocate(sizeof(long));
        _execId = context.Allocate(sizeof(long));
    }

    /// <summary>R9 = the record, R8 = the stack pointer with the rank of its stack. The key is stored in the frame, and whether the stack is in doubt.</summary>
    internal static void Find(LoweringContext context, int key, int doubt, Label failed) => new ThreadRecord(context, key, doubt).Find(failed);

    /// <summary>R9 = a record, R8 = an entry that it does not have, and should.</summary>
    internal static void Miss(Assembler asm, StackReason reason)
    {
        var known = asm.CreateLabel("more is missing already");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Missing);
        asm.JumpIf(JumpOp.JGT, Register.R1, Register.R8, known);
        asm.Store(MemorySize.DW, Register.R9, Record.Missing, Register.R8);
        asm.Store(MemorySize.W, Register.R9, Record.MissingReason, (int)reason);
        asm.Place(known);
    }

    private void Find(Label failed)
    {
        var stack = _context.Allocate(sizeof(long));
        var alternate = _asm.CreateLabel("on the alternate stack");
        var lookup = _asm.CreateLabel("look up the record");
        var make = _asm.CreateLabel("make a record");
        var begin = _asm.CreateLabel("another thread's record");
        var begun = _asm.CreateLabel("record begun");
        var own = _asm.CreateLabel("on the own stack");
        var located = _asm.CreateLabel("stack known");

        _asm.Store(MemorySize.DW, Register.R10, _doubt, 0);
        _asm.Load(MemorySize.DW, Register.R8, Register.R6, UserSp);
        _asm.Mov(Register.R1, Register.R8);
        _asm.Rsh(Register.R1, AddressBits);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, failed);
        _asm.Note("no user address");
        _asm.Call(HelperId.GetCurrentTaskBtf);
        _asm.Load(MemorySize.W, Register.R1, Register.R0, _offsets.TaskThreadId);
        _asm.Store(MemorySize.W, Register.R10, _key + Key.Thread, Register.R1);
        _asm.Store(MemorySize.W, Register.R10, _key + Key.Site, 0);
        _asm.Load(MemorySize.DW, Register.R1, Register.R0, _offsets.TaskStarted);
        _asm.Store(MemorySize.DW, Register.R10, _started, Register.R1);
        _asm.Load(MemorySize.W, Register.R1, Register.R0, _offsets.TaskExecId);
        _asm.Store(MemorySize.DW, Register.R10, _execId, Register.R1);
        _asm.Mov(Register.R2, Register.R8);
        OwnStack.BranchIfAlternate(_asm, _offsets, alternate);
        _asm.Store(MemorySize.DW, Register.R10, stack, OnAnother);
        _asm.Jump(lookup);
        _asm.Place(alternate);
        _asm.Store(MemorySize.DW, Register.R10, stack, OnAlternate);

        _asm.Place(lookup);
        if (_context.Target.ManySites)
        {
            _asm.Mov(Register.R1, Register.R6);
            _asm.Call(HelperId.GetAttachCookie);
            _asm.Store(MemorySize.W, Register.R10, _key + Key.Site, Register.R0);
        }
        Lookup(_key, make);
        _asm.Mov(Register.R9, Register.R0);
        _asm.Load(MemorySize.DW, Register.R1, Register.R9, Record.Started);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _started);
        _asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, begin);
        _asm.Load(MemorySize.W, Register.R1, Register.R9, Record.ExecId);
        _asm.Load(MemorySize.DW, Register.R2, Register.R10, _execId);
        _asm.JumpIf(JumpOp.JNE, Register.R1, Register.R2, begin);

        _asm.Place(begun);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, stack);
        _asm.JumpIf(JumpOp.JEQ, Register.R1, OnAlternate, located);
        var locate = _asm.CreateLabel("which stack");
        _asm.Mov(Register.R1, Register.R8);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.OwnStart);
        _asm.Sub(Register.R1, Register.R2);
        _asm.Load(MemorySize.DW, Register.R2, Register.R9, Record.OwnLength);
        _asm.JumpIf(JumpOp.JGE, Register.R1, Register.R2, locate);
        _asm.Place(own);
        Rank(OwnRank);
        _asm.Jump(located);

        _asm.Place(make);
        Make(failed);
        _asm.Place(begin);
        Begin();
        _asm.Jump(begun);
        _asm.Place(locate);
        Locate(own, located, failed);
        _asm.Place(located);
    }

    /// <summary>R9 = a new record, in the list of the thread's records where there can be several.</summary>
    private void Make(Label failed)
    {
        var lost = _asm.CreateLabel("no memory for a record");
        var made = _asm.CreateLabel("record made");
        Update(_key);
        Lookup(_key, lost);
        _asm.Mov(Register.R9, Register.R0);
        if (_context.Target.ManySites)
            Link(made);
        _asm.Jump(made);

        // The activation is not remembered: whatever is counted of this thread later is a lower bound.
        _asm.Place(lost);
        LostBit();
        _asm.AtomicOr(MemorySize.DW, Register.R1, Lost.Threads, Register.R2);
        _asm.Jump(failed);
        _asm.Place(made);
    }

    /// <summary>A record that cannot be linked stays until the id of its thread is another's, or the session ends.</summary>
    private void Link(Label unlinked)
    {
        var head = _context.Allocate(Key.Bytes);
        var make = _asm.CreateLabel("begin the list");
        var found = _asm.CreateLabel("list found");
        _asm.Load(MemorySize.W, Register.R1, Register.R10, _key + Key.Thread);
        _asm.Store(MemorySize.W, Register.R10, head + Key.Thread, Register.R1);
        _asm.Store(MemorySize.W, Register.R10, head + Key.Site, Head);
        Lookup(head, make);
        _asm.Jump(found);
        _asm.Place(make);
        Update(head);
        Lookup(head, unlinked);
        _asm.Place(found);
        _asm.Load(MemorySize.W, Register.R1, Register.R0, Record.NextSite);
        _asm.Store(MemorySize.W, Register.R9, Record.NextSite, Register.R1);
        _asm.Load(MemorySize.W, Register.R1, Register.R10, _key + Key.Site);
        _asm.Add(Register.R1, 1);
        _asm.Store(MemorySize.W, Register.R0, Record.NextSite, Register.R1);
    }

    /// <summary>
    /// R9 = a record that is new, or was another thread's of the same id. Whether all entries of this thread were seen: a thread begins with none, and so does an exec, but a forked process begins in the middle
    /// of its parent's. Those who follow a command see it from its exec on.
    /// </summary>
    private void Begin()
    {
        var thread = _asm.CreateLabel("not the first thread");
        var unseen = _asm.CreateLabel("entries may have been unseen");
        var begun = _asm.CreateLabel("nothing else was lost");
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _started);
        _asm.Store(MemorySize.DW, Register.R9, Record.Started, Register.R1);
        _asm.Load(MemorySize.DW, Register.R1, Register.R10, _execId);
        _asm.Store(MemorySize.W, Register.R9, Record.ExecId, Register.R1);
        _asm.Store(MemorySize.W, Register.R9, Record.Count, 0);
        _asm.Store(MemorySize.DW, Register.R9, Record.OwnLength, 0);
        _asm.Store(MemorySize.DW, Register.R9, Record.Unproved, 0);
        _asm.LoadImmediate64(Register.R1, long.MaxValue);
        _asm.Store(MemorySize.DW, Register.R9, Record.Missing, Register.R1);
        _asm.Store(MemorySize.W, Register.R9, Record.MissingReason, (int)StackReason.UnseenEntries);

        _asm.Call(HelperId.GetCurrentTaskBtf);
        OwnStack.BranchUnlessFirstThread(_asm, _offsets, thread);
        _asm.Load(MemorySize.W, Register.R1, Register.R0, _offsets.TaskFlags);
        _asm.JumpIf(JumpOp.JSET, Register.R1, ForkedWithoutExec, unseen);
        _asm.Place(thread);
        if (_context.Target.Scope is not ProcessScope.Followed)
        {
            // 0 until the probes are in place: then every thread is older.
            _asm.LoadMapValue(Register.R1, MapNames.Attached, 0);
            _asm.Load(MemorySize.DW, Register.R1, Register.R1, 0);
            _asm.Sub(Register.R1, 1);
            _asm.Load(MemorySize.DW, Register.R2, Register.R10, _started);
            _asm.JumpIf(JumpOp.JLE, Register.R2, Register.R1, unseen);
        }
        LostBit();
        _asm.Store(MemorySize.W, Register.R9, Record.MissingReason, (int)StackReason.LostEntries);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, Lost.Threads);
        _asm.And(Register.R1, Register.R2);
        _asm.JumpIf(JumpOp.JNE, Register.R1, 0, begun);
        _asm.Store(MemorySize.DW, Register.R9, Record.Missing, 0);
        _asm.Place(begun);
        _asm.Place(unseen);
    }

    /// <summary>Which stack, beside the alternate one, the thread is on: goes to <paramref name="own"/>, or to <paramref name="located"/> or falls through with the rank added.</summary>
    private void Locate(Label own, Label located, Label failed)
    {
        var area = _context.Allocate(MappingLookup.Bytes);
        var unmapped = _asm.CreateLabel("no mapping");
        var ofProcess = _asm.CreateLabel("the process's stack");
        var keep = _asm.CreateLabel("keep the own stack");
        var foreign = _asm.CreateLabel("a foreign stack");
        _asm.Store(MemorySize.DW, Register.R10, area + MappingLookup.Address, Register.R8);
        _context.Mappings ??= new(_asm, _offsets);
        _context.Mappings.Find(area, unmapped);
        _asm.Call(HelperId.GetCurrentTaskBtf);
        _asm.Mov(Register.R2, Register.R8);
        _asm.Load(MemorySize.DW, Register.R3, Register.R10, area + MappingLookup.Start);
        _asm.Load(MemorySize.DW, Register.R4, Register.R10, area + MappingLookup.End);
        _asm.Sub(Register.R4, Register.R3);
        _asm.Load(MemorySize.DW, Register.R5, Register.R10, area + MappingLookup.Flags);
        _asm.Load(MemorySize.DW, Register.R1, Register.R0, _offsets.TaskMemory);
        _asm.Load(MemorySize.DW, Register.R1, Register.R1, _offsets.MemoryStackStart);
        OwnStack.BranchIfOfProcess(_asm, ofProcess);
        OwnStack.BranchUnlessOfThread(_asm, _offsets, foreign);
        _asm.Jump(keep);
        _asm.Place(ofProcess);
        OwnStack.BranchUnlessFirstThread(_asm, _offsets, foreign);
        // The own stack stays where it is for as long as the thread lives, so it need not be looked up again.
        _asm.Place(keep);
        _asm.Store(MemorySize.DW, Register.R9, Record.OwnStart, Register.R3);
        _asm.Store(MemorySize.DW, Register.R9, Record.OwnLength, Register.R4);
        _asm.Jump(own);

        // An entry on a stack that is not there is not remembered; one whose stack cannot be looked up just now is taken to be on the own one: if it is not, the next proof takes it off.
        _asm.Place(unmapped);
        var unmappedForSure = _asm.CreateLabel("no mapping for sure");
        _asm.JumpIf(JumpOp.JNE, Register.R1, MappingLookup.Busy, unmappedForSure);
        Rank(OwnRank);
        _asm.Store(MemorySize.DW, Register.R10, _doubt, 1);
        _asm.Jump(located);
        _asm.Place(unmappedForSure);
        Rank(OwnRank);
        Miss(_asm, StackReason.LostEntries);
        _asm.Jump(failed);

        _asm.Place(foreign);
        Rank(ForeignRank);
    }

    private void Rank(int bit)
    {
        _asm.LoadImmediate64(Register.R1, 1L << bit);
        _asm.Add(Register.R8, Register.R1);
    }

    /// <summary>R1 = the word, less <see cref="Lost.Threads"/>, and R2 = the bit of the thread among those that lost an entry.</summary>
    private void LostBit()
    {
        _asm.Load(MemorySize.W, Register.R3, Register.R10, _key + Key.Thread);
        _asm.Mov(Register.R2, 1);
        _asm.Lsh(Register.R2, Register.R3);
        _asm.Rsh(Register.R3, 6);
        _asm.And(Register.R3, Lost.WordMask);
        _asm.Lsh(Register.R3, 3);
        _asm.LoadMapValue(Register.R1, MapNames.ActivationsLost, 0);
        _asm.Add(Register.R1, Register.R3);
    }

    private void Lookup(int key, Label absent)
    {
        _asm.LoadMap(Register.R1, MapNames.Activations);
        _context.AddressOfFrame(Register.R2, key);
        _asm.Call(HelperId.MapLookupElem);
        _asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
    }

    private void Update(int key)
    {
        _asm.LoadMap(Register.R1, MapNames.Activations);
        _context.AddressOfFrame(Register.R2, key);
        _asm.LoadMapValue(Register.R3, MapNames.ActivationsLost, 0);
        _asm.Mov(Register.R4, NoExist);
        _asm.Call(HelperId.MapUpdateElem);
    }
}
