using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Makes a number of a stack whose frames were captured: see <see cref="StackNode"/>.</summary>
internal static class FramesLowering
{
    private const int BpfNoExist = 1;

    /// <summary>What a stack whose frames are delivered needs behind what its walk needs: its number, and the node that is made of the frames of the kernel's walk.</summary>
    internal static int StateBytes(StackWalk walk) => sizeof(long) + (walk == StackWalk.Kernel ? StackNode.WorkBytes : 0);

    /// <summary>
    /// Stores the number of the captured stack, with its frames. After a walk of ours R9 is its memory. Goes to <paramref name="lost"/> where there is no room for it.
    /// </summary>
    internal static void Lower(LoweringContext context, Capture capture, Label lost)
    {
        var asm = context.Asm;
        asm.Origin = $"number {IrPrinter.Name(capture.Stack)}";
        var stack = context.StackOffsets[capture.Stack];
        var number = context.StackNumbers[capture.Stack];
        var frames = capture.Stack.Frames!;
        if (capture.Walk == StackWalk.Kernel)
            AddKernelsFrames(context, capture, stack, number, lost);
        else
            AddLastFrames(context, lost);

        var (pointer, node) = capture.Walk == StackWalk.Kernel ? (Register.R8, number + sizeof(long)) : (Register.R9, TrailMemory.Node);
        StoreProcess(context, capture, pointer, node);
        asm.Load(MemorySize.W, Register.R1, Register.R8, stack + StackHeader.Reason);
        asm.Store(MemorySize.DW, pointer, node + StackNode.Reason, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R8, stack + StackHeader.Count);
        if (frames.Skip > 0)
        {
            var some = asm.CreateLabel("frames are left");
            asm.JumpIf(JumpOp.JGE, Register.R1, frames.Skip, some);
            asm.Mov(Register.R1, frames.Skip);
            asm.Place(some);
            asm.Sub(Register.R1, frames.Skip);
        }
        asm.Store(MemorySize.DW, pointer, node + StackNode.Frames, Register.R1);
        if (capture.Walk != StackWalk.Kernel)
            asm.Load(MemorySize.DW, Register.R1, Register.R9, TrailMemory.Length);
        asm.Store(MemorySize.DW, pointer, node + StackNode.Length, Register.R1);
        if (frames.Skip > 0)
            asm.Store(MemorySize.DW, pointer, node + StackNode.Skipped, frames.Skip);
        Call(context, pointer, node);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        asm.Store(MemorySize.DW, Register.R8, number, Register.R0);
    }

    /// <summary>
    /// Places the function that numbers a node: R1 = the node. R0 = its number, or 0 where there is no room; the node is then empty, and the next one behind it. A node is written before its number can be found,
    /// so who has the number can read it.
    /// </summary>
    internal static void PlaceFunction(LoweringContext context)
    {
        if (context.NumberNode is not { } label)
            return;
        var asm = context.Asm;
        var known = asm.CreateLabel("node known");
        var full = asm.CreateLabel("no room");
        var end = asm.CreateLabel("end");
        asm.Origin = "number a node";
        asm.BeginFunction(label, "number_node");
        asm.Mov(Register.R6, Register.R1);
        Lookup();
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, known);
        asm.LoadMapValue(Register.R1, MapNames.StackCount, 0);
        asm.Load(MemorySize.DW, Register.R2, Register.R1, 0);
        asm.JumpIf(JumpOp.JGE, Register.R2, StackNode.Capacity(context.Target), full);
        asm.Mov(Register.R2, 1);
        asm.AtomicAdd(MemorySize.DW, Register.R1, 0, Register.R2, fetch: true);
        asm.JumpIf(JumpOp.JGE, Register.R2, StackNode.Capacity(context.Target), full);
        asm.Add(Register.R2, 1);
        asm.Store(MemorySize.DW, Register.R6, StackNode.Number, Register.R2);
        asm.Call(HelperId.KtimeGetBootNs);
        asm.Store(MemorySize.DW, Register.R6, StackNode.Time, Register.R0);
        Update(MapNames.StackNodes, key: StackNode.Number, value: StackNode.Parent, flags: 0);
        Update(MapNames.StackNumbers, key: StackNode.Parent, value: StackNode.Number, BpfNoExist);
        // Where another hit made the same node at the same time, its number is the one.
        Lookup();
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, known);
        asm.Place(full);
        asm.Mov(Register.R0, 0);
        asm.Jump(end);
        asm.Place(known);
        asm.Load(MemorySize.DW, Register.R0, Register.R0, 0);
        asm.Place(end);
        asm.Store(MemorySize.DW, Register.R6, StackNode.Parent, Register.R0);
        for (var entry = 0; entry < StackNode.EntryCount; entry++)
            asm.Store(MemorySize.DW, Register.R6, StackNode.Entries + (entry * sizeof(long)), 0);
        asm.Exit();

        void Lookup()
        {
            asm.LoadMap(Register.R1, MapNames.StackNumbers);
            asm.Mov(Register.R2, Register.R6);
            asm.Call(HelperId.MapLookupElem);
        }

        void Update(string map, int key, int value, int flags)
        {
            asm.LoadMap(Register.R1, map);
            asm.Mov(Register.R2, Register.R6);
            asm.Add(Register.R2, key);
            asm.Mov(Register.R3, Register.R6);
            asm.Add(Register.R3, value);
            asm.Mov(Register.R4, flags);
            asm.Call(HelperId.MapUpdateElem);
        }
    }

    private static void Call(LoweringContext context, Register pointer, int node)
    {
        var asm = context.Asm;
        asm.Mov(Register.R1, pointer);
        asm.Add(Register.R1, node);
        asm.Call(context.NumberNode ??= asm.CreateLabel("number a node"));
    }

    /// <summary>The entries that are left in the memory of a walk of ours.</summary>
    private static void AddLastFrames(LoweringContext context, Label lost)
    {
        var asm = context.Asm;
        var none = asm.CreateLabel("no frames");
        asm.Load(MemorySize.DW, Register.R1, Register.R9, TrailMemory.Lost);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, lost);
        asm.Load(MemorySize.DW, Register.R1, Register.R9, TrailMemory.Length);
        asm.JumpIf(JumpOp.JEQ, Register.R1, 0, none);
        Call(context, Register.R9, TrailMemory.Node);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        asm.Place(none);
    }

    /// <summary>The frames that the kernel's walk found: what it did not fill is zero.</summary>
    private static void AddKernelsFrames(LoweringContext context, Capture capture, int stack, int number, Label lost)
    {
        var asm = context.Asm;
        var node = number + sizeof(long);
        var end = asm.CreateLabel("all frames");
        var most = KernelWalkLowering.MostFrames(capture, context.Target);
        for (var offset = 0; offset < StackNode.KeyBytes; offset += sizeof(long))
            asm.Store(MemorySize.DW, Register.R8, node + offset, 0);
        for (var first = capture.Stack.Frames!.Skip; first < most; first += StackNode.EntryCount)
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R8, stack + StackHeader.Count);
            asm.JumpIf(JumpOp.JLE, Register.R1, first, end);
            for (var entry = 0; entry < StackNode.EntryCount && first + entry < most; entry++)
            {
                asm.Load(MemorySize.DW, Register.R1, Register.R8, stack + StackHeader.Bytes + ((first + entry) * sizeof(long)));
                asm.Store(MemorySize.DW, Register.R8, node + StackNode.Entries + (entry * sizeof(long)), Register.R1);
            }
            Call(context, Register.R8, node);
            asm.JumpIf(JumpOp.JEQ, Register.R0, 0, lost);
        }
        asm.Place(end);
    }

    private static void StoreProcess(LoweringContext context, Capture capture, Register pointer, int node)
    {
        // A stack of the kernel is the same in all processes.
        if (capture.Stack.Kind == StackKind.Kernel)
            return;
        var asm = context.Asm;
        asm.Call(HelperId.GetCurrentPidTgid);
        asm.Rsh(Register.R0, 32);
        asm.Store(MemorySize.DW, pointer, node + StackNode.Process, Register.R0);
        if (capture.Walk != StackWalk.Kernel)
        {
            StackWalker.ProcessStarted(asm, Register.R0);
        }
        else
        {
            if (context.Target.Fields is not { } fields)
                return;
            asm.Call(HelperId.GetCurrentTaskBtf);
            asm.Load(MemorySize.DW, Register.R0, Register.R0, fields.TaskLeader);
            asm.Load(MemorySize.DW, Register.R0, Register.R0, fields.TaskStarted);
        }
        asm.Store(MemorySize.DW, pointer, node + StackNode.Started, Register.R0);
    }
}
