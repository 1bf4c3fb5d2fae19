using StackDepth.Compile.Lowering.Python;
using StackDepth.Compile.Lowering.Walks;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// The walks. Each fills in the <see cref="StackHeader"/> of the stack at R8 + its offset (a count of at least 1, or 0 of Python's frames; its completeness and reason), may use the
/// <see cref="StateBytes"/> behind it and R0 to R5 and R9, and goes to the label it is given, without a header, when there is nothing to count. Truncated and Broken promise that the
/// true depth is no smaller than the count: a walk that has guessed a step is Approximate, however it ends.
/// </summary>
internal static class WalkLowering
{
    /// <summary>How many bytes behind the header the walk needs, a multiple of 8.</summary>
    internal static int StateBytes(Capture capture, LoweringContext context) => WalkBytes(capture, context) + (capture.Stack.Frames is null ? 0 : FramesLowering.StateBytes(capture.Walk));

    /// <summary>What of that the walk itself needs.</summary>
    internal static int WalkBytes(Capture capture, LoweringContext context) => capture switch
    {
        { Stack.Kind: StackKind.Region } => RegionLowering.StateBytes,
        { Stack.Kind: StackKind.Recursion or StackKind.Python } => 0,
        { Walk: StackWalk.Kernel } => KernelWalkLowering.StateBytes(context.Target),
        _ => context.Counted.Length * sizeof(long),
    };

    /// <summary>Whether the capture is a walk of ours that the kernel calls function by function.</summary>
    internal static bool IsOwn(Capture capture, CompileTarget target) => capture is { Stack.Kind: StackKind.User, Walk: not StackWalk.Kernel } && !target.WalksStatically;

    /// <summary>Whether the capture needs the memory of its slot, and functions of the program's.</summary>
    internal static bool NeedsMemory(Capture capture, CompileTarget target) => IsOwn(capture, target) || capture.Stack.Kind == StackKind.Python || !capture.Stack.IsWalked;

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        if (capture.Stack.Kind == StackKind.Python)
        {
            PythonLowering.Lower(context, capture, stack, failed);
            return;
        }
        switch (capture.Walk)
        {
            case var _ when capture.Stack.Kind == StackKind.Region:
                RegionLowering.Lower(context, stack, failed);
                break;
            case StackWalk.Kernel:
                KernelWalkLowering.Lower(context, capture, stack, failed);
                break;
            case StackWalk.Auto or StackWalk.FramePointer when context.Target.WalksStatically:
                StaticWalkLowering.Lower(context, capture, stack, failed);
                break;
            case StackWalk.Auto or StackWalk.FramePointer or StackWalk.Unwind:
                OwnWalkLowering.Lower(context, capture, stack, failed);
                break;
            default:
                throw IrNodes.Unknown(capture.Walk);
        }
    }
}
