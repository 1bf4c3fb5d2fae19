namespace StackDepth;

/// <summary>What the depth of a captured stack promises. The weakest promise wins: a stack that was cut, or broke, after a guess is <see cref="Approximate"/>.</summary>
public enum Completeness
{
    /// <summary>The outermost frame was reached, and that was proved: the depth is the true one.</summary>
    Complete,

    /// <summary>A limit cut the walk. By our own walks the true depth is at least the reported one; by a walk that proves no step (the kernel's of user frames, and ours on kernels before 5.17) it can be anything.</summary>
    Truncated,

    /// <summary>The chain ended without a proof that it was the end. By our own walks the true depth is at least the reported one; by the kernel's it can be anything.</summary>
    Broken,

    /// <summary>A step had to guess: the true depth may be smaller or greater.</summary>
    Approximate,
}
