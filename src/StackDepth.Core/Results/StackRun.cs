namespace StackDepth;

/// <summary>Frames of a stack that repeat; a frame that does not is a run of its own.</summary>
/// <param name="First">The index of the first frame in <see cref="CallStack.Frames"/>.</param>
/// <param name="Length">How many frames repeat: 1 where a function calls itself.</param>
/// <param name="Count">How often they are there, one after the other.</param>
public readonly record struct StackRun(int First, int Length, int Count);
