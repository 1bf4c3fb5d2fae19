namespace StackDepth.Tool.Output;

/// <summary>The walks as <c>--walk</c> writes them.</summary>
internal static class WalkNames
{
    internal static string Of(StackWalk walk) => walk switch
    {
        StackWalk.Auto => "auto",
        StackWalk.FramePointer => "fp",
        StackWalk.Unwind => "unwind",
        StackWalk.Kernel => "kernel",
        _ => throw new ArgumentOutOfRangeException(nameof(walk), walk, "There is no such walk."),
    };
}
