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
    internal static int StateBytes(StackWalk walk, LoweringContext context) => walk switch
    {
        StackWalk.Kernel => KernelWalkLowering.StateBytes(context.Target),
        _ => context.Counted.Length * sizeof(long),
    };

    internal static void Lower(LoweringContext context, Capture capture, int stack, Label failed)
    {
        if (capture.Stack.Kind == StackKind.Python)
        {
            PythonLowering.Lower(context, capture, stack, failed);
            return;
        }
        switch (capture.Walk)
        {
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
