namespace StackDepth;

/// <summary>A place where a probe sits.</summary>
/// <param name="Binary">The file that holds the code.</param>
/// <param name="Symbol">The function's name.</param>
/// <param name="Offset">The offset in the file, in bytes.</param>
/// <param name="Address">The virtual address as the file gives it, without the load bias of a process.</param>
public sealed record ProbeSite(string Binary, string Symbol, ulong Offset, ulong Address)
{
    /// <summary>How the walk of user stacks goes from a frame of the function to its caller; decided from the binary.</summary>
    public FrameStep Step { get; init; }
}

/// <summary>A probed function.</summary>
/// <param name="Address">Its virtual address as the file gives it, without the load bias of a process.</param>
/// <param name="Name">Its symbol.</param>
public readonly record struct ProbeFunction(ulong Address, string Name)
{
    /// <summary>The function's symbol.</summary>
    public override string ToString() => Name;
}
