namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>
/// A part of a parsed name. A part that the name refers back to (a substitution) stands in the tree more than once, so a tree of
/// nodes is a graph without cycles of its own; a template parameter is looked up only when it is printed.
/// </summary>
internal abstract class Node
{
    /// <summary>The parts in which a pack that an expansion is about may lie.</summary>
    internal virtual ReadOnlySpan<Node?> Parts => [];
}

/// <summary>A list of arguments, and as an argument itself a parameter pack.</summary>
internal sealed class ArgumentList(Node[] items) : Node
{
    internal Node[] Items { get; } = items;

    internal override ReadOnlySpan<Node?> Parts => Items;
}
