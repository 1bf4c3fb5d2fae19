using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Keeps the hits with the best values, each with its frames. A hit that is better than the worst that is kept takes its place, and only then its stack is walked once more, with the frames
/// written down. It all stays in the kernel until somebody asks: under recursion every hit is a new maximum, and what they would send is the square of the depth.
/// </summary>
internal static class KeepLowering
{
    /// <summary>How often another place is looked for when somebody else took the one that was found.</summary>
    private const int Attempts = 4;

    private const int BpfNoExist = 1;

    internal static void Lower(LoweringContext context, KeptLayout layout, ResultLayout results, Capture capture)
    {
        var asm = context.Asm;
        var done = asm.CreateLabel("not kept");
        var place = context.Allocate(sizeof(long));
        var order = context.Allocate(sizeof(long));
        context.LoadResults();
        if (layout.Key is null)
        {
            context.LookupFirst(MapNames.KeptOrder);
            asm.Mov(Register.R9, Register.R0);
            FindPlace(context, layout, place, done);
        }
        else
        {
            GroupLookup.Lower(context, MapNames.KeptOrder, layout.Keep.Key!, layout.Key, results, done);
            var first = context.Allocate(sizeof(long));
            NumberPlaces(context, layout, first);
            FindPlace(context, layout, place, done);
            asm.Load(MemorySize.DW, Register.R1, Register.R10, place);
            asm.Load(MemorySize.DW, Register.R2, Register.R10, first);
            asm.Add(Register.R1, Register.R2);
            asm.Store(MemorySize.DW, Register.R10, place, Register.R1);
        }
        asm.Store(MemorySize.DW, Register.R10, order, Register.R9);

        asm.Origin = "write down the hit";
        var unlock = asm.CreateLabel("unlock the place");
        if (layout.Key is not null)
            MakePlace(context, place, order, unlock);
        LookupPlace(context, place, unlock);
        BeginHit(context, layout);
        asm.Origin = "write down its frames";
        if (capture.Walk == StackWalk.Kernel)
            CopyFrames(context, capture, place, unlock);
        else
            RecordFrames(context, capture, place, unlock);
        asm.Origin = "what the frames promise";
        var stack = context.StackOffsets[capture.Stack];
        Copy(asm, stack + StackHeader.Count, KeptLayout.FrameCount);
        asm.Load(MemorySize.W, Register.R1, Register.R8, stack + StackHeader.Reason);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Reason, Register.R1);
        CountVersion(asm);

        asm.Origin = "unlock the place";
        asm.Place(unlock);
        asm.Load(MemorySize.DW, Register.R9, Register.R10, order);
        asm.Mov(Register.R1, 0);
        asm.AtomicExchange(MemorySize.DW, Register.R9, KeptLayout.OrderLock, Register.R1);
        asm.Place(done);
    }

    /// <summary>The number of the key's first place, at <paramref name="first"/> in the BPF stack. R9 = the order of the key; the first hit of the key numbers its places.</summary>
    private static void NumberPlaces(LoweringContext context, KeptLayout layout, int first)
    {
        var asm = context.Asm;
        var numbered = asm.CreateLabel("the places have numbers");
        asm.Origin = "the places of the key";
        asm.Load(MemorySize.DW, Register.R1, Register.R9, layout.OrderFirst);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, numbered);
        asm.LoadMapValue(Register.R2, MapNames.KeptCount, 0);
        asm.Mov(Register.R1, layout.OrderEntries);
        asm.AtomicAdd(MemorySize.DW, Register.R2, 0, Register.R1, fetch: true);
        // 0 stands for none.
        asm.Add(Register.R1, layout.OrderEntries);
        asm.Mov(Register.R0, 0);
        asm.AtomicCompareExchange(MemorySize.DW, Register.R9, layout.OrderFirst, Register.R1);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, numbered);
        // Another hit was faster. The numbers that this one took stay unused, which costs nothing.
        asm.Mov(Register.R1, Register.R0);
        asm.Place(numbered);
        asm.Store(MemorySize.DW, Register.R10, first, Register.R1);
    }

    /// <summary>
    /// Makes the place where it is not there yet. Where there is no memory for it the hit is lost, and counted, and its entry of the order, which lies at the address at <paramref name="order"/> in the BPF stack,
    /// is as empty as before.
    /// </summary>
    private static void MakePlace(LoweringContext context, int place, int order, Label unlock)
    {
        var asm = context.Asm;
        var made = asm.CreateLabel("the place is there");
        Lookup();
        asm.LoadMap(Register.R1, MapNames.Kept);
        asm.LoadMapValue(Register.R3, MapNames.KeptTemplate, 0);
        context.AddressOfFrame(Register.R2, place);
        asm.Mov(Register.R4, BpfNoExist);
        asm.Call(HelperId.MapUpdateElem);
        Lookup();
        context.Increment(HealthCounter.KeysLost);
        asm.Load(MemorySize.DW, Register.R9, Register.R10, order);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.OrderValue, 0);
        asm.Jump(unlock);
        asm.Place(made);

        void Lookup()
        {
            asm.LoadMap(Register.R1, MapNames.Kept);
            context.AddressOfFrame(Register.R2, place);
            asm.Call(HelperId.MapLookupElem);
            asm.JumpIf(JumpOp.JNE, Register.R0, 0, made);
        }
    }

    /// <summary>
    /// R9 = the entry of a place that this hit may write, locked, with its value in; the number of the place at <paramref name="place"/> in the BPF stack. Goes to
    /// <paramref name="done"/> where the hit is not among the best.
    /// </summary>
    private static void FindPlace(LoweringContext context, KeptLayout layout, int place, Label done)
    {
        var asm = context.Asm;
        var again = asm.CreateLabel("look for a place");
        var none = asm.CreateLabel("none is worse");
        var lost = asm.CreateLabel("no place to be had");
        var found = asm.CreateLabel("the place is taken");
        var locked = asm.CreateLabel("locked");
        var attempts = context.Allocate(sizeof(long));
        asm.Origin = "the worst of the places";
        asm.Store(MemorySize.DW, Register.R10, attempts, 0);
        asm.Place(again);
        AggregateLowering.Encode(context, layout.Keep.By, layout.Keep.Maximum);
        // R3 = the worst value that is kept and is worse than this hit's, R4 = the place, R5 = how many are being written.
        asm.Mov(Register.R3, Register.R2);
        asm.Mov(Register.R4, -1);
        asm.Mov(Register.R5, 0);
        // R0 = bits that are 0 and that the verifier does not know: else it would verify all that follows once for each place.
        asm.Load(MemorySize.DW, Register.R0, Register.R9, KeptLayout.OrderLock);
        asm.Rsh(Register.R0, 58);
        for (var index = 0; index < layout.Places; index++)
        {
            var next = asm.CreateLabel($"place {index + 1}");
            var entry = index * KeptLayout.OrderEntryBytes;
            asm.Load(MemorySize.DW, Register.R1, Register.R9, entry + KeptLayout.OrderLock);
            asm.Add(Register.R5, Register.R1);
            asm.JumpIf(JumpOp.JNE, Register.R1, 0, next);
            asm.Load(MemorySize.DW, Register.R1, Register.R9, entry + KeptLayout.OrderValue);
            asm.JumpIf(JumpOp.JGE, Register.R1, Register.R3, next);
            asm.Mov(Register.R3, Register.R1);
            asm.Mov(Register.R4, Register.R0);
            asm.Add(Register.R4, index);
            asm.And(Register.R4, layout.OrderEntries - 1);
            asm.Place(next);
        }
        asm.JumpIf(JumpOp.JSLT, Register.R4, 0, none);
        asm.Origin = "lock the place of the worst";
        asm.Store(MemorySize.DW, Register.R10, place, Register.R4);
        asm.Lsh(Register.R4, 4);
        asm.Mov(Register.R5, Register.R9);
        asm.Add(Register.R5, Register.R4);
        asm.Mov(Register.R1, 1);
        asm.AtomicExchange(MemorySize.DW, Register.R5, KeptLayout.OrderLock, Register.R1);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, locked);
        asm.Load(MemorySize.DW, Register.R1, Register.R5, KeptLayout.OrderValue);
        asm.JumpIf(JumpOp.JEQ, Register.R1, Register.R3, found);
        // Another hit came between: now this place may not be the worst.
        asm.Mov(Register.R1, 0);
        asm.AtomicExchange(MemorySize.DW, Register.R5, KeptLayout.OrderLock, Register.R1);
        asm.Place(locked);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, attempts);
        asm.Add(Register.R1, 1);
        asm.Store(MemorySize.DW, Register.R10, attempts, Register.R1);
        asm.JumpIf(JumpOp.JLT, Register.R1, Attempts, again);
        asm.Jump(lost);

        asm.Place(none);
        // As long as few are being written, all that are asked for are better than this hit.
        asm.JumpIf(JumpOp.JLE, Register.R5, KeptLayout.Spare, done);
        asm.Place(lost);
        context.Increment(HealthCounter.Dropped);
        asm.Jump(done);
        asm.Place(found);
        asm.Store(MemorySize.DW, Register.R5, KeptLayout.OrderValue, Register.R2);
        asm.Mov(Register.R9, Register.R5);
    }

    /// <summary>R9 = the place.</summary>
    private static void LookupPlace(LoweringContext context, int place, Label none)
    {
        var asm = context.Asm;
        // The low half of the number, on a little-endian machine.
        asm.LoadMap(Register.R1, MapNames.Kept);
        context.AddressOfFrame(Register.R2, place);
        asm.Call(HelperId.MapLookupElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, none);
        asm.Mov(Register.R9, Register.R0);
    }

    /// <summary>Writes down whose hit it is.</summary>
    private static void BeginHit(LoweringContext context, KeptLayout layout)
    {
        var asm = context.Asm;
        CountVersion(asm);
        AggregateLowering.Encode(context, layout.Keep.By, layout.Keep.Maximum);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Value, Register.R2);
        // What the query has fetched is not fetched again.
        if (context.PidTgid is { } ids)
            asm.Load(MemorySize.DW, Register.R0, Register.R10, ids);
        else
            asm.Call(HelperId.GetCurrentPidTgid);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Ids, Register.R0);
        if (context.Fields.TryGetValue(ContextField.Comm, out var comm))
        {
            for (var part = 0; part < EventLayout.CommBytes; part += sizeof(long))
            {
                asm.Load(MemorySize.DW, Register.R1, Register.R10, comm + part);
                asm.Store(MemorySize.DW, Register.R9, KeptLayout.Comm + part, Register.R1);
            }
        }
        else
        {
            asm.Mov(Register.R1, Register.R9);
            asm.Add(Register.R1, KeptLayout.Comm);
            asm.Mov(Register.R2, EventLayout.CommBytes);
            asm.Call(HelperId.GetCurrentComm);
        }
        if (context.Fields.TryGetValue(ContextField.Function, out var function))
        {
            asm.Load(MemorySize.DW, Register.R0, Register.R10, function);
        }
        else
        {
            ContextLowering.FetchSite(context);
        }
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Site, Register.R0);
        asm.Call(HelperId.KtimeGetBootNs);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Time, Register.R0);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.FrameCount, 0);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Reason, (int)StackReason.ReadFailed);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.TrailLength, 0);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Started, 0);
    }

    /// <summary>Walks once more and writes down the frames; R9 = the place.</summary>
    private static void RecordFrames(LoweringContext context, Capture capture, int place, Label none)
    {
        var asm = context.Asm;
        var failed = asm.CreateLabel("no frames");
        var started = context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, started, 0);
        OwnWalkLowering.Record(context, capture, context.StackOffsets[capture.Stack], place, failed);
        asm.Origin = "when the process started";
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        StackWalker.ProcessStarted(asm, Register.R0);
        asm.Store(MemorySize.DW, Register.R10, started, Register.R0);
        asm.Place(failed);
        LookupPlace(context, place, none);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, started);
        asm.Store(MemorySize.DW, Register.R9, KeptLayout.Started, Register.R1);
    }

    /// <summary>Copies what the kernel's walk found; R9 = the place, before and after.</summary>
    private static void CopyFrames(LoweringContext context, Capture capture, int place, Label none)
    {
        var asm = context.Asm;
        var stack = context.StackOffsets[capture.Stack];
        var failed = asm.CreateLabel("no frames");
        var copied = asm.CreateLabel("frames copied");
        if (context.Target.Fields is { } fields)
        {
            asm.Call(HelperId.GetCurrentTaskBtf);
            asm.Load(MemorySize.DW, Register.R1, Register.R0, fields.TaskLeader);
            asm.Load(MemorySize.DW, Register.R1, Register.R1, fields.TaskStarted);
            asm.Store(MemorySize.DW, Register.R9, KeptLayout.Started, Register.R1);
        }
        if (capture.OnDemand)
            KernelWalkLowering.Lower(context, capture, stack, failed);
        asm.Mov(Register.R1, Register.R9);
        asm.Add(Register.R1, KeptLayout.Trail);
        asm.Mov(Register.R2, KernelWalkLowering.StateBytes(context.Target));
        asm.Mov(Register.R3, Register.R8);
        asm.Add(Register.R3, stack + StackHeader.Bytes);
        asm.Call(HelperId.ProbeReadKernel);
        Copy(asm, stack + StackHeader.Count, KeptLayout.TrailLength);
        if (!capture.OnDemand)
            return;
        asm.Jump(copied);
        asm.Place(failed);
        asm.Store(MemorySize.DW, Register.R8, stack + StackHeader.Count, 0);
        StackHeader.StoreVerdict(asm, stack, StackReason.ReadFailed);
        asm.Place(copied);
    }

    private static void Copy(Assembler asm, int from, int to)
    {
        asm.Load(MemorySize.DW, Register.R1, Register.R8, from);
        asm.Store(MemorySize.DW, Register.R9, to, Register.R1);
    }

    private static void CountVersion(Assembler asm)
    {
        asm.Mov(Register.R1, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R9, KeptLayout.Version, Register.R1, fetch: true);
    }
}
