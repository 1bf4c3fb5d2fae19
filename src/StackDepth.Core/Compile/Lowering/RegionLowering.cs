using StackDepth.Compile.Lowering.Walks;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// The memory of the stack that the thread is on: how much of it is in use, and how much is left. The mapping is looked up once for as long as the process's mappings do not change: see
/// <see cref="StackWalker.EnterProcess"/>.
/// </summary>
internal static class RegionLowering
{
    /// <summary>Where the free bytes lie behind the header; its count is the bytes in use.</summary>
    internal const int Free = StackHeader.Bytes;

    internal const int StateBytes = sizeof(long);

    /// <summary>The cache of mappings that stacks lie in, by the megabyte of the stack pointer: { epoch, start, length, flags, process }.</summary>
    internal const int CacheBytes = EntryCount * EntryBytes;

    private const int EntryCount = 16;
    private const int EntryBytes = 40;
    private const int UserSp = 152;

    internal static void Lower(LoweringContext context, int stack, Label failed)
    {
        var asm = context.Asm;
        var offsets = context.Target.Fields ?? throw new InvalidOperationException("The bytes of a stack need the kernel's fields, and the target of the compilation has none.");
        var alternate = asm.CreateLabel("on the alternate stack");
        var ofProcess = asm.CreateLabel("on the process's stack");
        var foreign = asm.CreateLabel("on a foreign stack");
        var measured = asm.CreateLabel("measured");
        asm.LoadMap(Register.R1, MapNames.Walks);
        context.AddressOfFrame(Register.R2, context.SlotNumber!.Value);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, failed);
        asm.Mov(Register.R9, Register.R0);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Load(MemorySize.DW, Register.R1, Register.R0, offsets.TaskMemory);
        StackWalker.EnterProcess(asm, offsets, context.Target.SequenceShift);
        var process = context.Allocate(sizeof(long));
        asm.Xor(Register.R3, Register.R4);
        asm.Store(MemorySize.DW, Register.R10, process, Register.R3);
        asm.Load(MemorySize.DW, Register.R2, Register.R6, UserSp);
        OwnStack.BranchIfAlternate(asm, offsets, alternate);
        FindMapping(context, offsets, process, failed);

        // R2 = the stack pointer, R3 = the mapping's start, R4 = its length, R5 = its flags.
        asm.Mov(Register.R1, Register.R3);
        asm.Add(Register.R1, Register.R4);
        asm.Sub(Register.R1, Register.R2);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R1);
        asm.Note("bytes in use");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, WalkMemory.StackStart);
        OwnStack.BranchIfOfProcess(asm, ofProcess);
        asm.Mov(Register.R1, Register.R2);
        asm.Sub(Register.R1, Register.R3);
        asm.Store(MemorySize.DW, Register.R8, stack + Free, Register.R1);
        OwnStack.BranchUnlessOfThread(asm, offsets, foreign);
        StackHeader.StoreVerdict(asm, stack, StackReason.None);
        asm.Jump(measured);

        asm.Place(ofProcess);
        StoreUnderLimit(asm, offsets, stack);
        OwnStack.BranchUnlessFirstThread(asm, offsets, foreign);
        StackHeader.StoreVerdict(asm, stack, StackReason.None);
        asm.Jump(measured);

        asm.Place(alternate);
        asm.Add(Register.R4, Register.R3);
        asm.Sub(Register.R4, Register.R2);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, Register.R4);
        asm.Sub(Register.R2, Register.R3);
        asm.Store(MemorySize.DW, Register.R8, stack + Free, Register.R2);
        StackHeader.StoreVerdict(asm, stack, StackReason.None);
        asm.Jump(measured);

        asm.Place(foreign);
        StackHeader.StoreVerdict(asm, stack, StackReason.ForeignStack);
        asm.Place(measured);
    }

    /// <summary>R3 = start, R4 = length and R5 = flags of the mapping that the address in R2 lies in. R0 = the task; it and R2 are there again at the end. <paramref name="process"/> is what tells processes apart.</summary>
    private static void FindMapping(LoweringContext context, KernelOffsets offsets, int process, Label failed)
    {
        var asm = context.Asm;
        var find = asm.CreateLabel("find the stack's mapping");
        var known = asm.CreateLabel("the stack's mapping is known");
        var area = context.Allocate(MappingLookup.Bytes);
        var entry = context.RegionCache;
        Entry();
        asm.Load(MemorySize.DW, Register.R3, Register.R9, WalkMemory.Epoch);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, entry);
        asm.JumpIf(JumpOp.JNE, Register.R3, Register.R4, find);
        asm.Load(MemorySize.DW, Register.R3, Register.R1, entry + 8);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, entry + 16);
        asm.Mov(Register.R5, Register.R2);
        asm.Sub(Register.R5, Register.R3);
        asm.JumpIf(JumpOp.JGE, Register.R5, Register.R4, find);
        asm.Load(MemorySize.DW, Register.R5, Register.R1, entry + 24);
        asm.Jump(known);

        asm.Place(find);
        asm.Store(MemorySize.DW, Register.R10, area + MappingLookup.Address, Register.R2);
        context.Mappings ??= new(asm, offsets);
        var busy = asm.CreateLabel("no answer");
        context.Mappings.Find(area, busy);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, area + MappingLookup.Address);
        Entry();
        asm.Load(MemorySize.DW, Register.R3, Register.R9, WalkMemory.Epoch);
        asm.Store(MemorySize.DW, Register.R1, entry, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R10, area + MappingLookup.Start);
        asm.Store(MemorySize.DW, Register.R1, entry + 8, Register.R3);
        asm.Load(MemorySize.DW, Register.R4, Register.R10, area + MappingLookup.End);
        asm.Sub(Register.R4, Register.R3);
        asm.Store(MemorySize.DW, Register.R1, entry + 16, Register.R4);
        asm.Load(MemorySize.DW, Register.R5, Register.R10, area + MappingLookup.Flags);
        asm.Store(MemorySize.DW, Register.R1, entry + 24, Register.R5);
        asm.Load(MemorySize.DW, Register.R3, Register.R10, process);
        asm.Store(MemorySize.DW, Register.R1, entry + 32, Register.R3);
        asm.Load(MemorySize.DW, Register.R3, Register.R10, area + MappingLookup.Start);
        asm.Jump(known);

        // While other threads change mappings, what was known of this one before does: a thread's own stack stays where it is, and no other is said to be exact.
        asm.Place(busy);
        asm.JumpIf(JumpOp.JNE, Register.R1, MappingLookup.Busy, failed);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Load(MemorySize.DW, Register.R2, Register.R10, area + MappingLookup.Address);
        Entry();
        asm.Load(MemorySize.DW, Register.R3, Register.R10, process);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, entry + 32);
        asm.JumpIf(JumpOp.JNE, Register.R3, Register.R4, failed);
        asm.Load(MemorySize.DW, Register.R3, Register.R1, entry + 8);
        asm.Load(MemorySize.DW, Register.R4, Register.R1, entry + 16);
        asm.Mov(Register.R5, Register.R2);
        asm.Sub(Register.R5, Register.R3);
        asm.JumpIf(JumpOp.JGE, Register.R5, Register.R4, failed);
        asm.Load(MemorySize.DW, Register.R5, Register.R1, entry + 24);
        asm.Place(known);

        // R1 = where in the cache the address has its place: threads' stacks lie some megabytes apart.
        void Entry()
        {
            asm.Mov(Register.R1, Register.R2);
            asm.Rsh(Register.R1, 20);
            asm.Mov(Register.R3, Register.R2);
            asm.Rsh(Register.R3, 23);
            asm.Xor(Register.R1, Register.R3);
            asm.And(Register.R1, EntryCount - 1);
            asm.Mul(Register.R1, EntryBytes);
            asm.Add(Register.R1, Register.R9);
        }
    }

    /// <summary>
    /// Stores what is free under the soft limit. The kernel lets such a stack grow until the mapping, from the page of the address to its end, would be larger than the limit (acct_stack_growth in
    /// mm/vma.c, mm/mmap.c before 6.16). R0 = the task; uses R1 and R5.
    /// </summary>
    private static void StoreUnderLimit(Assembler asm, KernelOffsets offsets, int stack)
    {
        var within = asm.CreateLabel("within the limit");
        var limited = asm.CreateLabel("limited");
        asm.Load(MemorySize.DW, Register.R1, Register.R0, offsets.TaskSignal);
        asm.Load(MemorySize.DW, Register.R1, Register.R1, offsets.SignalStackLimit);
        asm.And(Register.R1, -4096);
        asm.Load(MemorySize.DW, Register.R5, Register.R8, stack + StackHeader.Count);
        asm.JumpIf(JumpOp.JGE, Register.R1, Register.R5, within);
        asm.Mov(Register.R1, Register.R5);
        asm.Note("the limit was lowered below what is in use");
        asm.Place(within);
        asm.Sub(Register.R1, Register.R5);
        asm.JumpIf(JumpOp.JSGE, Register.R1, 0, limited);
        asm.LoadImmediate64(Register.R1, long.MaxValue);
        asm.Note("RLIM_INFINITY");
        asm.Place(limited);
        asm.Store(MemorySize.DW, Register.R8, stack + Free, Register.R1);
    }
}
